/** Headers of all replies, and those that Consul's clients need for blocking queries. */

/**
 * `nosniff` and the content security policy keep browsers from executing text of the catalog (XSS); `no-referrer` keeps
 * `?token=` out of the logs of other sites.
 */
export const COMMON_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy':
    "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Consul-Default-ACL-Policy': 'allow',
  Vary: 'Accept-Encoding',
} as const;

/**
 * Headers of all reads of the replicated view, errors included. There is no leader, so its last contact is 0 and it is
 * known: Go clients treat anything else as an outage.
 */
export function indexHeaders(index: number, cached: boolean): Record<string, string> {
  return {
    'X-Consul-Index': String(Math.max(1, index)),
    'X-Consul-LastContact': '0',
    'X-Consul-KnownLeader': 'true',
    'X-Consul-Effective-Consistency': 'stale',
    ...(cached ? { 'X-Cache': 'HIT', Age: '0' } : {}),
  };
}
