import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { consulKeyHints } from '../../../src/config/file/foreign.ts';

const page = readFileSync(new URL('../../../docs/guides/from-consul.md', import.meta.url), 'utf8');
const [before = '', absent = ''] = page.split('No counterpart:');

test('docs/guides/from-consul.md has each key that is known, where it belongs', () => {
  const rows = consulKeyHints();
  expect(rows.length).toBeGreaterThan(120);
  for (const [key, sentence] of rows) {
    const here = / is (.*) here$/.exec(sentence)?.[1];
    if (here === undefined) expect([key, absent.includes(`\`${key}\``)]).toEqual([key, true]);
    else expect([key, before.includes(`| \`${key}\` | ${here} |`)]).toEqual([key, true]);
  }
});

test('docs/guides/from-consul.md names no key that import config does not know', () => {
  const known = new Set([...consulKeyHints().map(([key]) => key), 'datacenter', 'domain']);
  const tables = page.slice(page.indexOf('## Configuration'));
  const told = [...tables.matchAll(/^\| ((?:`[\w.]+` ?)+)\|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([\w.]+)`/g)].map(([, key]) => key as string),
  );
  expect(told.length).toBeGreaterThan(120);
  expect(told.filter((key) => !known.has(key))).toEqual([]);
});
