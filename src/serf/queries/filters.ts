/**
 * Whether a query is for us: its filters, each of which must match. Expressions come from strangers, so they run in a
 * matcher of our own, on a budget that all filters of one query share.
 *
 * Source: serf query.go, shouldProcessQuery; P54 (docs/protocol.md).
 */
import { WireError } from '../../base/errors.ts';
import { compilePattern, type StepBudget } from '../../base/pattern.ts';
import { decodeFilter, type QueryFilter } from '../../wire/filter.ts';

/** Steps of matching for one query: some milliseconds. */
const MAX_STEPS = 100_000;
/** Filters that are looked at; further ones match nobody. */
const MAX_FILTERS = 32;

export interface FilterResult {
  readonly matches: boolean;
  /** Why we cannot tell; then it does not match. */
  readonly error?: string;
}

const NO: FilterResult = { matches: false };
const YES: FilterResult = { matches: true };
const undecidable = (trouble: string): FilterResult => ({ matches: false, error: trouble });

/** Total: what cannot be read matches nobody. */
export function evaluateFilters(
  filters: readonly Uint8Array[],
  name: string,
  tags: ReadonlyMap<string, string>,
): FilterResult {
  if (filters.length > MAX_FILTERS) return undecidable('too many filters');
  const budget: StepBudget = { left: MAX_STEPS };
  for (const octets of filters) {
    const verdict = evaluateFilter(octets, name, tags, budget);
    if (!verdict.matches) return verdict;
  }
  return YES;
}

function evaluateFilter(
  octets: Uint8Array,
  name: string,
  tags: ReadonlyMap<string, string>,
  budget: StepBudget,
): FilterResult {
  let filter: QueryFilter;
  try {
    filter = decodeFilter(octets);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undecidable('a filter that cannot be read');
  }
  switch (filter.kind) {
    case 'nodes':
      return filter.nodes.includes(name) ? YES : NO;
    case 'tag': {
      const pattern = compilePattern(filter.expr);
      if (pattern === undefined) return undecidable('an expression that is not understood');
      const matches = pattern.test(tags.get(filter.tag) ?? '', budget);
      return matches === undefined ? undecidable('an expression that takes too long') : matches ? YES : NO;
    }
    case 'unknown':
      return undecidable(`a filter of type ${filter.type}`);
  }
}
