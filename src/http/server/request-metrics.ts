/** What the HTTP door counts of its own: requests by route and status, how long answers took, who is parked. */
import type { Meter } from '../../base/meter.ts';
import type { BlockingQueries } from '../endpoint/blocking.ts';

/** Called once for each answered request; `route` is the path as declared, never what a stranger sent. */
export type RecordRequest = (method: string, route: string, status: number, seconds?: number) => void;

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS']);

export function createRequestMetrics(meter: Meter, watchers: BlockingQueries): RecordRequest {
  const requests = meter.counter(
    'hearsay_http_requests_total',
    'HTTP requests answered.',
    'method',
    'route',
    'status',
  );
  const spans = meter.histogram(
    'hearsay_http_request_seconds',
    'Time from request to answer, of those that did not ask to wait.',
    SECONDS,
  );
  meter.gauge(
    'hearsay_http_blocking_queries',
    'Requests parked until something changes.',
    () => watchers.parkedCount,
  );
  return (method, route, status, seconds) => {
    requests.add([METHODS.has(method) ? method : 'other', route, String(status)]);
    if (seconds !== undefined) spans.observe([], seconds);
  };
}
