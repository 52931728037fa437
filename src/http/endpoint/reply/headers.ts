/** Headers every answer carries, and those by which Consul's clients block. */

/**
 * `nosniff` and the policy keep a browser from running what a catalogue entry may contain; `no-referrer` keeps
 * `?token=` out of other sites' logs.
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
 * Of every read of the replicated view, errors included. There is no leader to be far from, so contact is 0 and
 * leadership known: Go clients take anything else for an outage.
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
