/** docs/glossary.md has every noun that users meet, once, and the words it retires stay away. */
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/command-list.ts';
import { ROUTES } from '../../src/http/routes/index.ts';
import { bin, findLines, pages, readText, src, tests } from './sources.ts';

const [glossary = '', retired = ''] = readText('docs/glossary.md').split('## Retired words');

/** First cells of the tables: `a, b (`c`)` are the terms a, b and c. */
const firstCells = (text: string): string[] =>
  [...text.matchAll(/^\| ([^|]+) \|/gm)]
    .map(([, cell = '']) => cell)
    .filter((cell) => !/^(?:Term|Retired|---)$/.test(cell));
const TERMS = firstCells(glossary)
  .flatMap((cell) => cell.split(/[(),`]/).map((term) => term.trim()))
  .filter(Boolean);
/** Words a reader finds by the browser's search: terms, what is set in italics, and code. */
const WORDS = new Set(
  [...TERMS, ...[...glossary.matchAll(/\*([^*]+)\*|`([^`]+)`/g)].map(([, a, b]) => a ?? b ?? '')].map(
    (word) => word.toLowerCase(),
  ),
);

const has = (word: string): boolean =>
  [word, word.replace(/s$/, ''), word.replace(/ies$/, 'y'), word.replace(/-/g, ' ')].some((form) =>
    WORDS.has(form),
  );

test('no term stands twice', () => {
  const seen = TERMS.map((term) => term.toLowerCase());
  expect(seen.filter((term, i) => seen.indexOf(term) !== i)).toEqual([]);
});

test('every command is there', () => {
  expect(Object.keys(COMMANDS).filter((name) => !has(name))).toEqual([]);
});

test('every path of /v1/hearsay/ is there', () => {
  const segments = ROUTES.filter(({ path }) => path.startsWith('/v1/hearsay/'))
    .flatMap(({ path }) => path.split('/').slice(3))
    .filter((segment) => !/^[:*{]/.test(segment));
  expect(segments.length).toBeGreaterThan(5);
  expect([...new Set(segments)].filter((segment) => !has(segment))).toEqual([]);
});

test('no retired word comes back', () => {
  const words = firstCells(retired);
  expect(words.length).toBeGreaterThan(10);
  const pattern = new RegExp(`\\b(?:${words.join('|')})s?\\b`, 'i');
  const skipped = ['docs/glossary.md', 'docs/upgrading.md', 'CHANGELOG.md'];
  expect(
    [...src, ...tests, ...bin, ...pages]
      .filter(({ path }) => !skipped.includes(path) && !path.startsWith('docs/adr/'))
      .flatMap((source) => findLines(pattern, source)),
  ).toEqual([]);
});
