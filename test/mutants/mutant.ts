/** What a planted bug is, and how it is put into a source. Which there are is in rooms/, who hunts them is run.ts. */

/** The rooms that mutants are planted in. */
export const LAYERS = ['wire', 'swim', 'serf', 'catalog', 'agent', 'checks', 'shell'] as const;
export type Layer = (typeof LAYERS)[number];

/** One bug, as data. It lives in no source: only in a copy, for as long as the tests look for it. */
export interface Mutant {
  /** Short words with hyphens, the room's name first. */
  readonly id: string;
  /** Below `src/`. */
  readonly file: string;
  /** Stands exactly once in the file; between its words any white space may stand, so that formatting is free. */
  readonly find: string;
  /** What stands there instead: it compiles. */
  readonly replace: string;
  /** What is wrong now, in one sentence. */
  readonly description: string;
  /** Test files, below `test/`, of which at least one should notice. */
  readonly expectedTests: readonly string[];
}

export const mutantLayer = ({ id }: Mutant): Layer | undefined =>
  LAYERS.find((room) => id.startsWith(`${room}-`));

/** How often the text stands in `source`. Once is right; anything else is a stale mutant. */
export const occurrences = ({ find }: Mutant, source: string): number =>
  source.match(new RegExp(toPattern(find), 'g'))?.length ?? 0;

/** The source with the bug in it. Throws if the mutant is stale. */
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
