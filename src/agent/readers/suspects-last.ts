/**
 * Suspects last: a suspected node is probably dead, seconds before that is certain. Readers who take the first answer are
 * spared it, as long as the others can bear the load.
 *
 * Differs: Consul knows no suspects, and answers a dead node as any other until it is declared failed.
 */

/** With fewer than these that are well the order stays: the suspicion may be wrong, and one instance all that is left. */
const MIN_WELL = 2;

/** The items in their order, with those on suspected nodes behind all others. */
export function suspectsLast<T>(
  items: readonly T[],
  suspects: ReadonlySet<string>,
  nodeName: (item: T) => string,
): readonly T[] {
  if (suspects.size === 0) return items;
  const well = items.filter((item) => !suspects.has(nodeName(item)));
  if (well.length < MIN_WELL || well.length === items.length) return items;
  return [...well, ...items.filter((item) => suspects.has(nodeName(item)))];
}
