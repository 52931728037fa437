/** One agent for one data directory, whatever became of the one before. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireLock, type Lock } from '../../../../src/shell/storage/lock.ts';
import { openStorage } from '../../../../src/shell/storage/storage.ts';
import { canMount, noting } from '../support.ts';

let dir = '';
let path = '';
const locks: Lock[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-lock-'));
  path = join(dir, 'lock');
});
afterEach(() => {
  for (const lock of locks.splice(0)) if (lock.kind === 'held') lock.release();
  rmSync(dir, { recursive: true });
});

const take = async (at = path): Promise<Lock> => {
  const lock = await acquireLock(at);
  locks.push(lock);
  return lock;
};

/** A process that listens there as a holder does, but was started without our code. */
async function otherProcess(script: string) {
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}
const HOLDER = `require('net').createServer((s) => s.end(process.pid + ' ' + require('crypto').randomUUID() + '\\n')).listen(process.argv[1], () => console.log('ok'))`;

test('a second holder is refused with the pid of the first, until that releases the lock', async () => {
  const first = await take();
  expect(first.kind).toBe('held');
  expect(await take()).toEqual({ kind: 'heldByOther', pid: process.pid });
  if (first.kind === 'held') first.release();
  expect((await take()).kind).toBe('held');
});

test('another process is named by its pid; after it is killed, its lock is taken over', async () => {
  const child = await otherProcess(HOLDER);
  expect(await take()).toEqual({ kind: 'heldByOther', pid: child.pid });
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(readdirSync(dir)).toEqual(['lock']); // nobody was there to remove it
  expect((await take()).kind).toBe('held');
  expect(await take()).toEqual({ kind: 'heldByOther', pid: process.pid });
  expect(readdirSync(dir)).toEqual(['lock']);
});

test('a stopped process keeps its lock, though it cannot identify itself', async () => {
  const child = await otherProcess(HOLDER);
  child.kill('SIGSTOP');
  expect(await take()).toEqual({ kind: 'heldByOther' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect((await take()).kind).toBe('held');
});

test('a holder is named though this process was not run for longer than an answer may take', async () => {
  const child = await otherProcess(HOLDER);
  const taking = take();
  await new Promise((resolve) => setImmediate(resolve)); // it asks
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2200);
  expect(await taking).toEqual({ kind: 'heldByOther', pid: child.pid });
  child.kill('SIGKILL');
  await once(child, 'exit');
});

test('a holder with an invalid answer still has the lock', async () => {
  const child = await otherProcess(HOLDER.replace('process.pid', `'x'.repeat(1e6)`));
  expect(await take()).toEqual({ kind: 'heldByOther' });
  child.kill('SIGKILL');
  await once(child, 'exit');
});

test('a file in its place is a stale lock', async () => {
  writeFileSync(path, '12345');
  expect((await take()).kind).toBe('held');
});

test('many that start at once over a stale lock: never two hold it', async () => {
  const child = await otherProcess(HOLDER);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const all = await Promise.all(Array.from({ length: 8 }, () => take()));
  expect(all.filter(({ kind }) => kind === 'held').length).toBeLessThanOrEqual(1);
  expect(all.filter(({ kind }) => kind === 'unavailable')).toEqual([]);
});

test('where no socket can be created the lock is unavailable, with a reason', async () => {
  expect(await take(join(dir, 'absent', 'lock'))).toMatchObject({ kind: 'unavailable' });
  expect(await take(join(dir, 'x'.repeat(120)))).toEqual({ kind: 'unavailable', reason: 'ENAMETOOLONG' });
});

test.runIf(canMount())('a dead lock on a disk that has become read-only keeps nobody out', async () => {
  execFileSync('mount', ['-t', 'tmpfs', 'none', dir]);
  try {
    const child = await otherProcess(HOLDER);
    child.kill('SIGKILL');
    await once(child, 'exit');
    execFileSync('mount', ['-o', 'remount,ro', dir]);
    expect(await take()).toEqual({ kind: 'unavailable', reason: 'EROFS' });
  } finally {
    execFileSync('umount', [dir]);
  }
});

test('a data directory has one agent: the second is refused and changes nothing', async () => {
  const first = await openStorage(dir, noting().record);
  await expect(openStorage(dir, noting().record)).rejects.toMatchObject({
    code: 'config',
    message: `the data directory ${dir} is used by another agent (pid ${process.pid}): stop it, or choose another directory with --data-dir`,
  });
  await first.close();
  await (await openStorage(dir, noting().record)).close();
});

test('a data directory that cannot be locked is used, with a warning', async () => {
  const long = join(dir, 'x'.repeat(120));
  const { record: note, facts } = noting();
  await (await openStorage(long, note)).close();
  expect(facts).toEqual([{ kind: 'storageLockUnavailable', reason: 'ENAMETOOLONG' }]);
});
