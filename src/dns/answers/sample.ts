/** A few of many, by chance. */
import type { Rng } from '../../base/rng.ts';

/** `count` of `all` in random order, each as likely as any other. `all` is left disturbed. */
export function sample<T>(all: T[], count: number, rng: Rng): T[] {
  for (let i = 0; i < Math.min(count, all.length); i++) {
    const j = i + rng.int(all.length - i);
    [all[i], all[j]] = [all[j] as T, all[i] as T];
  }
  return all.slice(0, count);
}
