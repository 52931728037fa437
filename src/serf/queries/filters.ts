/**
 * Query filters: a query is for this agent if all of them match. Expressions of peers are untrusted: all filters of one query
 * share a step budget, for reading, compiling and matching them.
 *
 * Source: serf query.go, shouldProcessQuery; P54 (docs/protocol.md).
 */
import { WireError } from '../../base/errors.ts';
import { compilePattern, type StepBudget } from '../../base/pattern/pattern.ts';
import { decodeFilter, type QueryFilter } from '../../wire/filter.ts';

/** Steps for one query of ours. */
const MAX_STEPS = 100_000;
/** What a filter costs before anything in it does. */
const STEPS_PER_FILTER = 10;
/** A query with more filters matches no member. */
const MAX_FILTERS = 32;

export interface FilterResult {
  readonly matches: boolean;
  /** Why the filter could not be evaluated; then it does not match. */
  readonly error?: string;
}

const NO: FilterResult = { matches: false };
const YES: FilterResult = { matches: true };
const undecidable = (error: string): FilterResult => ({ matches: false, error });
const TOO_COSTLY = undecidable('filters that take too long');
/** Octets that are read in one step, as a power of two: a list of names has many. */
const BYTES_PER_STEP_SHIFT = 3;

/** Never throws: a malformed filter matches no member. */
export function evaluateFilters(
  filters: readonly Uint8Array[],
  name: string,
  tags: ReadonlyMap<string, string>,
  budget: StepBudget = { left: MAX_STEPS },
): FilterResult {
  if (filters.length > MAX_FILTERS) return undecidable('too many filters');
  for (const octets of filters) {
    const result = evaluateFilter(octets, name, tags, budget);
    if (!result.matches) return result;
  }
  return YES;
}

function evaluateFilter(
  octets: Uint8Array,
  name: string,
  tags: ReadonlyMap<string, string>,
  budget: StepBudget,
): FilterResult {
  budget.left -= STEPS_PER_FILTER + (octets.length >> BYTES_PER_STEP_SHIFT);
  if (budget.left < 0) return TOO_COSTLY;
  let filter: QueryFilter;
  try {
    filter = decodeFilter(octets);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undecidable('a malformed filter');
  }
  switch (filter.kind) {
    case 'nodes':
      return filter.nodes.includes(name) ? YES : NO;
    case 'tag': {
      const pattern = compilePattern(filter.expr, budget);
      if (budget.left < 0) return TOO_COSTLY;
      if (pattern === undefined) return undecidable('an unsupported expression');
      const matches = pattern.test(tags.get(filter.tag) ?? '', budget);
      return matches === undefined ? TOO_COSTLY : matches ? YES : NO;
    }
    case 'unknown':
      return undecidable(`a filter of type ${filter.type}`);
  }
}
