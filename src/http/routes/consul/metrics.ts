/** Every figure this process keeps about itself. */
import { consulJson, PROMETHEUS_TYPE, prometheus } from '../../endpoint/metrics-format.ts';
import { text } from '../../endpoint/query.ts';
import { Reply } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { any, map } from '../../endpoint/schema.ts';

/** `GET /v1/agent/metrics`: JSON, or Prometheus' text for whoever asks for it. Source: http.md section 6. */
export const agentMetrics = route({
  method: 'GET',
  path: '/v1/agent/metrics',
  summary: 'Figures this process keeps about itself',
  shows: map(any),
  query: { format: text },
  answer: ({ query, site, header }) => {
    const families = site.meter.families();
    if (query.format === 'prometheus' || asksForText(header('accept') ?? ''))
      return new Reply(200, prometheus(families), { 'Content-Type': PROMETHEUS_TYPE });
    const now = site.now();
    return consulJson(families, (now - site.info.startedAt) / 1000, now);
  },
});

/** As Prometheus itself asks. Browsers and `curl` take anything, and get JSON. */
const asksForText = (accept: string): boolean =>
  /text\/plain;\s*version=0\.0\.4|application\/openmetrics-text/.test(accept);
