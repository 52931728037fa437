/**
 * Whether a query is for us: its filters, each of which must match. Expressions come from strangers, so they run in a
 * matcher of our own, on a budget that all filters of one query share.
 *
 * Source: serf query.go, shouldProcessQuery (protocol reference 4.6, trap 42).
 */
import { WireError } from '../../base/errors.ts';
import { type Budget, compilePattern } from '../../base/pattern.ts';
import { decodeFilter, type Filter } from '../../wire/filter.ts';

/** Steps of matching for one query: some milliseconds. */
const MAX_STEPS = 100_000;
/** Filters that are looked at; further ones match nobody. */
const MAX_FILTERS = 32;

export interface Verdict {
  readonly matches: boolean;
  /** Why we cannot tell; then it does not match. */
  readonly trouble?: string;
}

const NO: Verdict = { matches: false };
const YES: Verdict = { matches: true };
const cannotTell = (trouble: string): Verdict => ({ matches: false, trouble });

/** Total: what cannot be read matches nobody. */
export function isFor(
  filters: readonly Uint8Array[],
  name: string,
  tags: ReadonlyMap<string, string>,
): Verdict {
  if (filters.length > MAX_FILTERS) return cannotTell('too many filters');
  const budget: Budget = { left: MAX_STEPS };
  for (const octets of filters) {
    const verdict = judge(octets, name, tags, budget);
    if (!verdict.matches) return verdict;
  }
  return YES;
}

function judge(octets: Uint8Array, name: string, tags: ReadonlyMap<string, string>, budget: Budget): Verdict {
  let filter: Filter;
  try {
    filter = decodeFilter(octets);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return cannotTell('a filter that cannot be read');
  }
  switch (filter.kind) {
    case 'nodes':
      return filter.nodes.includes(name) ? YES : NO;
    case 'tag': {
      const pattern = compilePattern(filter.expr);
      if (pattern === undefined) return cannotTell('an expression that is not understood');
      const matches = pattern.test(tags.get(filter.tag) ?? '', budget);
      return matches === undefined ? cannotTell('an expression that takes too long') : matches ? YES : NO;
    }
    case 'foreign':
      return cannotTell(`a filter of type ${filter.type}`);
  }
}
