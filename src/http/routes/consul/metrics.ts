/** `/v1/agent/metrics`: all metrics of this process. */
import {
  formatConsulMetrics,
  formatPrometheus,
  PROMETHEUS_CONTENT_TYPE,
} from '../../endpoint/metrics-format.ts';
import { textParam } from '../../endpoint/query.ts';
import { HttpReply } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { any, recordOf } from '../../endpoint/schema.ts';

/** `GET /v1/agent/metrics`: JSON, or Prometheus' text on request. Source: Consul HTTP API, "View Metrics". */
export const agentMetrics = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/agent/metrics',
  summary: 'Metrics of this process',
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

/** Whether the client accepts what Prometheus accepts. Browsers and `curl` accept anything, and get JSON. */
const acceptsPrometheusText = (accept: string): boolean =>
  /text\/plain;\s*version=0\.0\.4|application\/openmetrics-text/.test(accept);
