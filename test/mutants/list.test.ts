/** No mutant is stale: each finds its place in today's sources. run.ts tests them. */
import { existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { type Loader, transformSync } from 'esbuild';
import { expect, test } from 'vitest';
import { MUTANTS } from './list.ts';
import { applyMutant, LAYERS, type Mutant, mutantLayer, occurrences } from './mutant.ts';

const here = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const sourceOf = ({ file }: Mutant): string => readFileSync(here(`src/${file}`), 'utf8');

test.each(MUTANTS.map((mutant) => [mutant.id, mutant] as const))(
  '%s has one place, changes it, can be read, and names tests that exist',
  (_, mutant) => {
    const source = sourceOf(mutant);
    expect(occurrences(mutant, source), `stale mutant: its text in src/${mutant.file}`).toBe(1);
    const mutated = applyMutant(mutant, source);
    expect(mutated).not.toBe(source);
    transformSync(mutated, { loader: extname(mutant.file).slice(1) as Loader }); // throws if it cannot be read
    expect(mutant.expectedTests).not.toEqual([]);
    expect(mutant.expectedTests.filter((path) => !existsSync(here(`test/${path}`)))).toEqual([]);
  },
);

test('there are at least forty, some in every layer, each with its own id', () => {
  expect(MUTANTS.length).toBeGreaterThanOrEqual(40);
  expect(new Set(MUTANTS.map(({ id }) => id)).size).toBe(MUTANTS.length);
  expect(MUTANTS.filter((mutant) => mutantLayer(mutant) === undefined)).toEqual([]);
  expect(new Set(MUTANTS.map(mutantLayer))).toEqual(new Set(LAYERS));
});

test('a text that is missing or stands twice makes a mutant stale; other white space does not', () => {
  const mutant: Mutant = {
    id: 'swim-x',
    file: 'x.ts',
    find: 'a < b;',
    replace: 'a <= b;',
    description: '',
    expectedTests: [],
  };
  expect(applyMutant(mutant, 'if (a\n  <  b;')).toBe('if (a <= b;');
  expect(() => applyMutant(mutant, 'a > b;')).toThrow(
    'stale mutant swim-x: its text stands 0 times in src/x.ts',
  );
  expect(() => applyMutant(mutant, 'a < b; a < b;')).toThrow('stands 2 times');
});
