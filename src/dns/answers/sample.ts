/** Random samples. */
import type { Rng } from '../../base/rng.ts';

/** `count` of `items`, uniformly chosen, in random order. Partial Fisher-Yates shuffle: reorders `items`. */
export function sample<T>(items: T[], count: number, rng: Rng): T[] {
  for (let i = 0; i < Math.min(count, items.length); i++) {
    const j = i + rng.int(items.length - i);
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items.slice(0, count);
}
