import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROUTES } from '../../../src/http/routes/index.ts';
import { REFUSED } from '../../../src/http/routes/refused.ts';

const page = readFileSync(new URL('../../../docs/http.md', import.meta.url), 'utf8');
const refused = new Set(REFUSED);
/** As people write it: that the last parameter takes the rest of the path is said once. */
const plain = (path: string): string => path.replace(/\.\.\.$/, '');

test('docs/http.md names every endpoint there is', () => {
  const told = ROUTES.filter((route) => !refused.has(route)).map(
    ({ method, path }) => `\`${method} ${plain(path)}\``,
  );
  expect(told.length).toBeGreaterThan(45);
  expect(told.filter((line) => !page.includes(line))).toEqual([]);
  expect(REFUSED.map(({ path }) => `\`${plain(path)}\``).filter((line) => !page.includes(line))).toEqual([]);
});

test('docs/http.md names no endpoint there is not', () => {
  const paths = new Set(ROUTES.map(({ method, path }) => `${method} ${plain(path)}`));
  const told = [...page.matchAll(/`((?:GET|PUT) \/[^`]*)`/g)].map((match) => match[1] as string);
  expect(told.length).toBeGreaterThan(45);
  expect(told.filter((line) => !paths.has(line))).toEqual([]);
});

test('docs/http.md marks the writes that old clients may do with GET', () => {
  const marked = [...page.matchAll(/`PUT ([^`]*)` ¹/g)].map((match) => match[1] as string);
  const allowed = ROUTES.filter((route) => route.oldClients).map(({ path }) => plain(path));
  expect(marked.sort()).toEqual(allowed.sort());
});
