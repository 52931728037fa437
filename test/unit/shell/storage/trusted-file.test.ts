import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DISK } from '../../../../src/shell/storage/disk.ts';
import { readKeyring } from '../../../../src/shell/storage/keyring.ts';
import { readSerfSnapshot } from '../../../../src/shell/storage/serf-snapshot.ts';
import { openStorage } from '../../../../src/shell/storage/storage.ts';

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-trusted-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('S25 a pipe in place of a keyring or snapshot is refused, and does not hang the start', async () => {
  const pipe = join(scratch(), 'pipe');
  execFileSync('mkfifo', ['-m', '600', pipe]);
  for (const read of [readKeyring, readSerfSnapshot])
    await expect(read(pipe)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('it is no plain file: give the path of one'),
    });
});

test('S24 a link in place of a file of the data directory is not followed', async () => {
  const folder = scratch();
  const elsewhere = join(folder, 'elsewhere');
  writeFileSync(elsewhere, 'secret', { mode: 0o600 });
  symlinkSync(elsewhere, join(folder, 'snapshot'));
  await expect(DISK.read(join(folder, 'snapshot'))).rejects.toMatchObject({ code: 'ELOOP' });
  const facts: string[] = [];
  const storage = await openStorage(folder, (fact) => facts.push(fact.kind));
  onTestFinished(() => storage.close());
  expect(storage.snapshot).toBeUndefined();
  expect(facts).toContain('snapshotQuarantined');
});

test('S25 a data directory that others can enter is told', async () => {
  const folder = scratch();
  for (const [mode, told] of [
    [0o700, false],
    [0o755, true],
    [0o710, true],
  ] as const) {
    chmodSync(folder, mode);
    const facts: string[] = [];
    const storage = await openStorage(folder, (fact) => facts.push(fact.kind));
    expect([mode, facts.includes('dataDirectoryExposed')]).toEqual([mode, told]);
    await storage.close();
  }
});
