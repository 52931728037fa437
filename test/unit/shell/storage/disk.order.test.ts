/** What the real disk asks of the system, in order: a file is on the disk before it has its name, and so is the name. */
import { afterAll, beforeEach, expect, test, vi } from 'vitest';

const calls: string[] = [];

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return {
    ...real,
    open: async (path: string) => {
      const what = path.endsWith('.tmp') ? 'file' : 'directory';
      calls.push(`open ${what}`);
      const step = (name: string) => async () => void calls.push(`${name} ${what}`);
      return { writeFile: step('write'), sync: step('sync'), close: step('close') };
    },
  };
});

// Test files of a process share their modules: the disk is loaded here with the mock, and anew after this file.
beforeEach(() => {
  calls.length = 0;
  vi.resetModules();
});
afterAll(() => {
  vi.doUnmock('node:fs/promises');
  vi.resetModules();
});

test('a file is synced after it was written, and before it is closed', async () => {
  const { DISK } = await import('../../../../src/shell/storage/disk.ts');
  await DISK.create('/data/snapshot.tmp', Uint8Array.of(1));
  expect(calls).toEqual(['open file', 'write file', 'sync file', 'close file']);
});

test('a directory is synced, and closed', async () => {
  const { DISK } = await import('../../../../src/shell/storage/disk.ts');
  await DISK.syncDirectory('/data');
  expect(calls).toEqual(['open directory', 'sync directory', 'close directory']);
});
