import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { UNSUPPORTED_ROUTES } from '../../../src/http/routes/consul/unsupported.ts';
import { ROUTES } from '../../../src/http/routes/index.ts';

const page = readFileSync(new URL('../../../docs/http.md', import.meta.url), 'utf8');
const refused = new Set(UNSUPPORTED_ROUTES);
/** The path as docs write it, without the mark of a parameter that matches the rest. */
const plain = (path: string): string => path.replace(/\.\.\.$/, '');

test('docs/http.md names every endpoint', () => {
  const told = ROUTES.filter((route) => !refused.has(route)).map(
    ({ method, path }) => `\`${method} ${plain(path)}\``,
  );
  expect(told.length).toBeGreaterThan(45);
  expect(told.filter((line) => !page.includes(line))).toEqual([]);
  expect(
    UNSUPPORTED_ROUTES.map(({ path }) => `\`${plain(path)}\``).filter((line) => !page.includes(line)),
  ).toEqual([]);
});

test('docs/http.md names no endpoint that does not exist', () => {
  const paths = new Set(ROUTES.map(({ method, path }) => `${method} ${plain(path)}`));
  const told = [...page.matchAll(/`((?:GET|PUT) \/[^`]*)`/g)].map((match) => match[1] as string);
  expect(told.length).toBeGreaterThan(45);
  expect(told.filter((line) => !paths.has(line))).toEqual([]);
});

test('docs/http.md marks the writes that legacy clients may do with GET', () => {
  const marked = [...page.matchAll(/`PUT ([^`]*)` ¹/g)].map((match) => match[1] as string);
  const allowed = ROUTES.filter((route) => route.legacyGetWrite).map(({ path }) => plain(path));
  expect(marked.sort()).toEqual(allowed.sort());
});

test('docs/http.md marks what is for operators', () => {
  const marked = [...page.matchAll(/`([A-Z]+ [^`]*)`(?: ¹)? ²/g)].map((match) => match[1] as string);
  const operators = ROUTES.filter(({ scope }) => scope === 'operator').map(
    ({ method, path }) => `${method} ${plain(path)}`,
  );
  expect(marked.sort()).toEqual(operators.sort());
});

describe('docs/consul.md', () => {
  const rules = readFileSync(new URL('../../../docs/consul.md', import.meta.url), 'utf8');
  const rows = rules.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const [, ids = '', , , , tests = ''] = cells;
    return /^(?:[TBJRC]\d+ ?)+$/.test(ids)
      ? [[ids.split(' '), [...tests.matchAll(/`([\w/-]+)`/g)].map(([, file]) => file as string)] as const]
      : [];
  });

  test('has every numbered rule, once', () => {
    const all = Object.entries({ T: 16, B: 7, J: 8, R: 6, C: 8 }).flatMap(([letter, count]) =>
      Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
    );
    expect(rows.flatMap(([ids]) => ids).sort()).toEqual(all.sort());
  });

  test.each(rows)('%s: names tests that name it', (ids, files) => {
    const sources = files.map((file) => readFileSync(new URL(`../${file}.test.ts`, import.meta.url), 'utf8'));
    const told = sources
      .join('\n')
      .split('\n')
      .filter((line) => /test|describe|^\s*'/.test(line));
    for (const id of ids)
      expect([id, told.some((line) => new RegExp(`\\b${id}\\b`).test(line))]).toEqual([id, true]);
  });
});
