/** A new file in the place of an old one, with real commands and a real folder. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { FileCommand } from '../../../../src/sync/file/command.ts';
import { FileSwap } from '../../../../src/sync/file/file-swap.ts';

function makeFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'hearsay-swap-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

async function start(
  commands: { readonly test?: FileCommand; readonly reload?: FileCommand } = {},
  old = 'old',
) {
  const dir = makeFolder();
  const path = join(dir, 'web.conf');
  if (old !== '') writeFileSync(path, old, { mode: 0o640 });
  const log = join(dir, 'log');
  process.env['LOG'] = log;
  onTestFinished(() => void delete process.env['LOG']);
  const swap = await FileSwap.open(path, { test: commands.test, reload: commands.reload });
  return {
    ...{ dir, path, swap },
    read: () => readFileSync(path, 'utf8'),
    log: () => readFileSync(log, 'utf8').trim().split('\n'),
    files: () => readdirSync(dir).filter((name) => name !== 'log'),
  };
}
const noteFile = 'cat "$HEARSAY_FILE" >>"$LOG"; echo >>"$LOG"';

test('the new file is in its place when its reader is told, and keeps the mode of the old one', async () => {
  const { swap, read, log, path, files } = await start({ reload: noteFile });
  expect(await swap.swap('new')).toBe('');
  expect([read(), log()]).toEqual(['new', ['new']]);
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(files()).toEqual(['web.conf']);
});

test('a file that was not there is for all to read', async () => {
  const { swap, read, path } = await start({}, '');
  expect(await swap.read()).toBeUndefined();
  expect(await swap.swap('new')).toBe('');
  expect(read()).toBe('new');
  expect(statSync(path).mode & 0o777).toBe(0o644);
});

test('a test that fails changes nothing, and nothing is told', async () => {
  const { swap, read, log, files } = await start({
    test: `${noteFile}; echo line 3 is bad >&2; exit 7`,
    reload: noteFile,
  });
  const problem = await swap.swap('new');
  expect(problem).toMatch(/^".*" ended with 7: line 3 is bad$/);
  expect([read(), log(), files()]).toEqual(['old', ['new'], ['web.conf']]);
});

test('a test that names HEARSAY_NEW judges it before it is in its place', async () => {
  const { swap, read, log } = await start({
    test: `${noteFile}; grep -q good "$HEARSAY_NEW"`,
    reload: noteFile,
  });
  expect(await swap.swap('bad')).toContain('ended with 1: it said nothing');
  expect([read(), log()]).toEqual(['old', ['old']]);
  expect(await swap.swap('good')).toBe('');
  expect([read(), log()]).toEqual(['good', ['old', 'old', 'good']]);
});

test('a reload that fails puts the last one back; without a last one there is none', async () => {
  const reload = ['sh', '-c', 'kill -9 $$'];
  const { swap, read } = await start({ reload });
  expect(await swap.swap('new')).toContain('was ended by SIGKILL');
  expect(read()).toBe('old');
  const first = await start({ reload: ['/does/not/exist'] }, '');
  expect(await first.swap.swap('new')).toContain('"/does/not/exist" cannot be run (');
  expect(first.files()).toEqual([]);
});

test('what was in its place untested when the program was killed is not believed', async () => {
  const dir = makeFolder();
  const path = join(dir, 'web.conf');
  writeFileSync(path, 'untested');
  writeFileSync(join(dir, '.web.conf.hearsay-last'), 'good');
  writeFileSync(join(dir, '.web.conf.hearsay-new'), 'half');
  const swap = await FileSwap.open(path, { test: undefined, reload: undefined });
  expect(await swap.recover()).toBe(true);
  expect([await swap.read(), readdirSync(dir)]).toEqual(['good', ['web.conf']]);
  expect(await swap.recover()).toBe(false);
});

test('a symbolic link stays one, and a file aside that somebody left is not written to', async () => {
  const { dir, path, swap, read } = await start();
  const linked = join(dir, 'enabled');
  mkdirSync(linked);
  symlinkSync(path, join(linked, 'web.conf'));
  const other = join(dir, 'other');
  writeFileSync(other, 'untouched');
  symlinkSync(other, join(dir, '.web.conf.hearsay-new'));
  const byLink = await FileSwap.open(join(linked, 'web.conf'), { test: undefined, reload: undefined });
  expect(byLink.path).toBe(swap.path);
  expect(await byLink.swap('new')).toBe('');
  expect([read(), readFileSync(other, 'utf8')]).toEqual(['new', 'untouched']);
  expect(lstatSync(join(linked, 'web.conf')).isSymbolicLink()).toBe(true);
});

test('secrets of the commands are not handed on', async () => {
  process.env['HEARSAY_HTTP_TOKEN'] = 'secret';
  onTestFinished(() => void delete process.env['HEARSAY_HTTP_TOKEN']);
  const { swap, log } = await start({ reload: 'env >"$LOG"' });
  expect(await swap.swap('new')).toBe('');
  expect(log().filter((line) => line.includes('secret'))).toEqual([]);
});
