/** Metrics of the HTTP server: requests by route and status, response times, waiting blocking queries. */
import type { Meter } from '../../base/meter.ts';
import type { BlockingQueries } from '../endpoint/blocking.ts';

/** Called once per request; `route` is the path as declared, never text of a client, which would be unbounded. */
export type RecordRequest = (method: string, route: string, status: number, seconds?: number) => void;

const BUCKET_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS']);

export function createRequestMetrics(meter: Meter, blockingQueries: BlockingQueries): RecordRequest {
  const requests = meter.counter(
    'hearsay_http_requests_total',
    'HTTP requests answered.',
    'method',
    'route',
    'status',
  );
  const durations = meter.histogram(
    'hearsay_http_request_seconds',
    'Time from request to reply, without blocking queries.',
    BUCKET_SECONDS,
  );
  meter.gauge(
    'hearsay_http_blocking_queries',
    'Blocking queries that wait for a change.',
    () => blockingQueries.parkedCount,
  );
  return (method, route, status, seconds) => {
    requests.add([METHODS.has(method) ? method : 'other', route, String(status)]);
    if (seconds !== undefined) durations.observe([], seconds);
  };
}
