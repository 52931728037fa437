/**
 * How much work the filters of queries may be: a step budget for each query, and one for each source address, which all its queries
 * share. A query costs its sender a hundred bytes, and each member that hears it the work of its filters (S19 in docs/security.md).
 */
import type { StepBudget } from '../../base/pattern/pattern.ts';
import { RateLimiter } from '../../base/rate-limiter.ts';
import type { Millis } from '../../base/time.ts';
import { evaluateFilters, type FilterResult } from './filters.ts';

/** Of one query: a millisecond or two. */
export const MAX_QUERY_STEPS = 20_000;
/** Of one source at once: some milliseconds. */
const SOURCE_BURST = 40_000;
/** 100 steps each: one percent of a processor, about. */
const SOURCE_REFILL_INTERVAL: Millis = 1;
const STEPS_PER_TOKEN = 100;
/**
 * A source that has used up its share may be an honest member that passes on the queries of another, so that filters like
 * `^web$` are judged even then.
 */
const MIN_QUERY_STEPS = 100;

export class FilterWork {
  readonly #limiter = new RateLimiter({
    burst: SOURCE_BURST / STEPS_PER_TOKEN,
    refillInterval: SOURCE_REFILL_INTERVAL,
    maxKeys: 1024,
    overflow: 'evict',
  });

  /** `from`: the peer that delivered the query; empty for our own. */
  evaluate(
    filters: readonly Uint8Array[],
    { name, tags }: { readonly name: string; readonly tags: ReadonlyMap<string, string> },
    from: string,
    now: Millis,
  ): FilterResult {
    if (filters.length === 0) return evaluateFilters(filters, name, tags);
    const left = Math.floor(this.#limiter.available(from, now) * STEPS_PER_TOKEN);
    const allowed = Math.max(MIN_QUERY_STEPS, Math.min(MAX_QUERY_STEPS, left));
    const budget: StepBudget = { left: allowed };
    const result = evaluateFilters(filters, name, tags, budget);
    this.#limiter.spend(from, (allowed - budget.left) / STEPS_PER_TOKEN, now);
    return result;
  }
}
