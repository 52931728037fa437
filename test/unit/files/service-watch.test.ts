/** `--watch-services`: each change of a file or directory is one reload, when the change is over. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchServiceFiles } from '../../../src/files/service-watch.ts';
import { waitUntil } from '../../support/wait.ts';

const SOON = 10_000;
let dir = '';
let stop: (() => Promise<void>) | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-watch-'));
  mkdirSync(join(dir, 'services.d'));
  writeFileSync(join(dir, 'services.d/web.json'), '{}');
});
afterEach(async () => {
  await stop?.();
  rmSync(dir, { recursive: true });
});

async function watch(reload: () => Promise<unknown> = async () => undefined) {
  let reloads = 0;
  stop = await watchServiceFiles({
    paths: () => [join(dir, 'services.d')],
    reload: () => {
      reloads += 1;
      return reload();
    },
    interval: 20,
  });
  return { reloaded: (times: number) => waitUntil(`${times} reloads`, SOON, () => reloads === times) };
}

test('a file that is written, added, replaced or removed is a reload', async () => {
  const { reloaded } = await watch();
  writeFileSync(join(dir, 'services.d/web.json'), '{"service": {}}');
  await reloaded(1);
  writeFileSync(join(dir, 'services.d/db.json'), '{}');
  await reloaded(2);
  writeFileSync(join(dir, 'new'), '{ }');
  renameSync(join(dir, 'new'), join(dir, 'services.d/db.json'));
  await reloaded(3);
  rmSync(join(dir, 'services.d/db.json'));
  await reloaded(4);
});

test('a reload that fails is tried again at the next change, not before', async () => {
  const { reloaded } = await watch(() => Promise.reject(new Error('line 3: port: must be a number')));
  writeFileSync(join(dir, 'services.d/web.json'), '{"service": }');
  await reloaded(1);
  writeFileSync(join(dir, 'services.d/web.json'), '{"service": {}}');
  await reloaded(2);
});

test('a directory that is gone is a change, and so is its return', async () => {
  const { reloaded } = await watch();
  renameSync(join(dir, 'services.d'), join(dir, 'away'));
  await reloaded(1);
  renameSync(join(dir, 'away'), join(dir, 'services.d'));
  await reloaded(2);
});

test('after the end nothing is looked at', async () => {
  let looks = 0;
  const end = await watchServiceFiles({
    paths: () => {
      looks += 1;
      return [dir];
    },
    reload: async () => undefined,
    interval: 5,
  });
  await waitUntil('some looks', SOON, () => looks > 3);
  await end();
  const before = looks;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(looks).toBe(before);
});
