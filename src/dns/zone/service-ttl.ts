/** How long answers about a service may be kept: the setting's patterns, ready to be asked. */

/**
 * `patterns` are names, `prefix*` or `*`, in any case, with seconds. The exact name goes before the longest prefix, and
 * what none of them matches lives 0 seconds.
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
