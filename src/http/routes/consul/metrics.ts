/** Every figure this process keeps about itself. */
import {
  formatConsulMetrics,
  formatPrometheus,
  PROMETHEUS_CONTENT_TYPE,
} from '../../endpoint/metrics-format.ts';
import { textParam } from '../../endpoint/query.ts';
import { HttpReply } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { any, recordOf } from '../../endpoint/schema.ts';

/** `GET /v1/agent/metrics`: JSON, or Prometheus' text for whoever asks for it. Source: Consul HTTP API, "View Metrics". */
export const agentMetrics = route({
  method: 'GET',
  path: '/v1/agent/metrics',
  summary: 'Figures this process keeps about itself',
  responseSchema: recordOf(any),
  query: { format: textParam },
  handler: ({ query, site, header }) => {
    const families = site.meter.families();
    if (query.format === 'prometheus' || acceptsPrometheusText(header('accept') ?? ''))
      return new HttpReply(200, formatPrometheus(families), { 'Content-Type': PROMETHEUS_CONTENT_TYPE });
    const now = site.wallClock();
    return formatConsulMetrics(families, (now - site.info.startedAt) / 1000, now);
  },
});

/** As Prometheus itself asks. Browsers and `curl` take anything, and get JSON. */
const acceptsPrometheusText = (accept: string): boolean =>
  /text\/plain;\s*version=0\.0\.4|application\/openmetrics-text/.test(accept);
