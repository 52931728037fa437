/** The dashboard stays small: what a browser loads, and what a contributor reads. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { UI_BUNDLE } from '../../contrib/build/ui.ts';
import { findLines, importsOf, src } from './sources.ts';

const ui = src.filter(({ path }) => path.startsWith('src/ui/'));

/** Without blank lines and comments. */
const countLines = (ending: string): number =>
  readdirSync('src/ui', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .flatMap((name) => readFileSync(join('src/ui', name), 'utf8').split('\n'))
    .filter((line) => !/^\s*(?:$|\/\/|\/?\*)/.test(line)).length;

test('its code has less than 2,500 lines, and its style sheets have less than 800', () => {
  expect(countLines('.ts')).toBeGreaterThan(500);
  expect(countLines('.ts')).toBeLessThan(2500);
  expect(countLines('.css')).toBeGreaterThan(100);
  expect(countLines('.css')).toBeLessThan(800);
});

test("its types hold, with those of the doctor's rules; they are checked by a project of their own", () => {
  const { status, stdout } = spawnSync('node_modules/.bin/tsc', ['-p', 'src/ui'], { encoding: 'utf8' });
  expect([stdout, status]).toEqual(['', 0]);
});

test('a browser loads less than 70 kB', async () => {
  const { outputFiles } = await build({ ...UI_BUNDLE, outdir: 'dist/ui', write: false });
  const sizes = outputFiles.map(({ contents }) => gzipSync(contents).length);
  expect(sizes.length).toBe(4);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(70_000);
});

test('it makes no markup of text, and keeps nothing in the browser', () => {
  const forbidden =
    /innerHTML|outerHTML|insertAdjacent|document\.write|localStorage|sessionStorage|\bcookie\b|\beval\b/;
  expect(ui.length).toBeGreaterThan(15);
  expect(ui.flatMap((source) => findLines(forbidden, source))).toEqual([]);
});

test('it is drawn with preact and htm, and nothing else', () => {
  const packages = ui
    .flatMap(importsOf)
    .filter(({ target }) => target === undefined)
    .map(({ specifier }) => specifier);
  expect([...new Set(packages)].sort()).toEqual(['htm/preact', 'preact', 'preact/hooks']);
});
