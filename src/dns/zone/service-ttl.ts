/** TTLs of answers about services, by patterns of service names. */

/**
 * Compiles `patterns`, which map names, `prefix*` or `*` in any letter case to seconds, to a lookup. The exact name
 * wins, then the longest prefix; services that no pattern matches have a TTL of 0.
 *
 * Source: Consul dns_config.service_ttl.
 */
export function compileServiceTtls(patterns: ReadonlyMap<string, number>): (service: string) => number {
  const exact = new Map<string, number>();
  const prefixes: { readonly prefix: string; readonly seconds: number }[] = [];
  for (const [pattern, seconds] of patterns) {
    const text = pattern.toLowerCase();
    if (text.endsWith('*')) prefixes.push({ prefix: text.slice(0, -1), seconds });
    else exact.set(text, seconds);
  }
  prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
  return (service) => {
    const name = service.toLowerCase();
    return exact.get(name) ?? prefixes.find(({ prefix }) => name.startsWith(prefix))?.seconds ?? 0;
  };
}
