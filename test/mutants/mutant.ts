/** What a mutant is, and how it is applied to a source. The mutants stand in rooms/; run.ts tests them. */

/** The layers of `src/` that have mutants. */
export const LAYERS = [
  'wire',
  'swim',
  'serf',
  'locality',
  'catalog',
  'agent',
  'checks',
  'jobs',
  'partitions',
  'shell',
  'http',
  'dns',
  'rpc',
  'register',
  'sync',
] as const;
export type Layer = (typeof LAYERS)[number];

/** One bug, as data. It is applied to a copy of the sources only. */
export interface Mutant {
  /** Short words with hyphens, beginning with the layer's name. */
  readonly id: string;
  /** Path below `src/`. */
  readonly file: string;
  /** Text that stands exactly once in the file; white space between its words may differ, so formatting does not matter. */
  readonly find: string;
  /** The text that replaces it; the result compiles. */
  readonly replace: string;
  /** What is wrong then, in one sentence. */
  readonly description: string;
  /** Test files, below `test/`, of which at least one should fail. */
  readonly expectedTests: readonly string[];
}

export const mutantLayer = ({ id }: Mutant): Layer | undefined =>
  LAYERS.find((layer) => id.startsWith(`${layer}-`));

/** How often the text stands in `source`. A mutant is stale unless it is once. */
export const occurrences = ({ find }: Mutant, source: string): number =>
  source.match(new RegExp(toPattern(find), 'g'))?.length ?? 0;

/** Returns the source with the bug in it. Throws if the mutant is stale. */
export function applyMutant(mutant: Mutant, source: string): string {
  const count = occurrences(mutant, source);
  if (count !== 1)
    throw new Error(`stale mutant ${mutant.id}: its text stands ${count} times in src/${mutant.file}`);
  return source.replace(new RegExp(toPattern(mutant.find)), () => mutant.replace);
}

const toPattern = (find: string): string =>
  find
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('\\s+');
