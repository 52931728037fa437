/** The file of a recording: for its owner alone, bounded, beside those of earlier lives; and a disk that fails ends only it. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Appender, openRecording, type RecordingFile } from '../../../../src/shell/storage/recording.ts';
import { noting, until } from '../support.ts';

const HEAD = '00000000 {"what":"hearsay recording"}\n';
let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-recording-'));
  path = join(dir, 'web.rec');
});
afterEach(() => rmSync(dir, { recursive: true }));

const opened = (
  journal = noting(),
  maxBytes = 1 << 20,
  create?: () => Promise<Appender>,
): Promise<RecordingFile> =>
  openRecording(path, journal.record, {
    maxBytes,
    redacted: false,
    ...(create === undefined ? {} : { create }),
  });

test('lines are written soon, at the latest when it is closed; the file has mode 0600', async () => {
  const journal = noting();
  const file = await opened(journal);
  expect(file.write(HEAD)).toBe(true);
  await until(() => readFileSync(path, 'utf8') === HEAD, 'the line is written');
  for (let i = 0; i < 1000; i++) file.write(`line ${i}\n`);
  file.writeFooter('the end\n', 'stopped');
  expect(file.write('too late\n')).toBe(false);
  await file.close();
  const text = readFileSync(path, 'utf8');
  expect(text).toBe(`${HEAD}${Array.from({ length: 1000 }, (_, i) => `line ${i}\n`).join('')}the end\n`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(journal.facts).toEqual([{ kind: 'recordingStarted', file: path, redacted: false }]);
  expect(file.degraded).toEqual([]);
});

test('each run has a recording of its own, and three earlier ones are kept', async () => {
  for (let life = 1; life <= 6; life++) {
    const file = await opened();
    file.write(HEAD);
    file.write(`life ${life}\n`);
    await file.close();
  }
  const life = (at: string): string => readFileSync(at, 'utf8').slice(HEAD.length);
  expect([path, `${path}.1`, `${path}.2`, `${path}.3`].map(life)).toEqual(
    [6, 5, 4, 3].map((number) => `life ${number}\n`),
  );
  expect(existsSync(`${path}.4`)).toBe(false);
});

test('a file that is no recording, or that others can write, is refused and left unchanged', async () => {
  writeFileSync(path, 'my diary\n');
  await expect(opened()).rejects.toThrow('is not a recording: choose another path for --record');
  expect(readFileSync(path, 'utf8')).toBe('my diary\n');
  writeFileSync(path, HEAD);
  chmodSync(path, 0o666);
  await expect(opened()).rejects.toThrow('can be written by other users');
  rmSync(path);
  await expect(
    openRecording(join(dir, 'no', 'such.rec'), noting().record, { maxBytes: 1 << 20, redacted: false }),
  ).rejects.toThrow('cannot be created (ENOENT)');
  symlinkSync(join(dir, 'elsewhere'), path);
  await expect(opened()).rejects.toThrow('cannot be created (EEXIST)');
  expect(existsSync(join(dir, 'elsewhere'))).toBe(false);
});

test('at its limit there is space for the footer only', async () => {
  const journal = noting();
  const file = await opened(journal, 1000);
  let lines = 0;
  for (; file.hasCapacity(100); lines++) file.write(`${'x'.repeat(99)}\n`);
  expect(lines).toBe(8);
  file.writeFooter('full\n', 'full');
  await file.close();
  expect(statSync(path).size).toBe(805);
  expect(journal.facts.at(-1)).toEqual({ kind: 'recordingFull', file: path, bytes: 805 });
  expect(file.degraded).toEqual([`the recording ${path} is full: later inputs are not in it`]);
});

test('a full disk ends the recording with one log line, and no line is accepted any more', async () => {
  const journal = noting();
  const failure = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  let appended = 0;
  const file = await opened(journal, 1 << 20, async () => ({
    append: async () => {
      appended += 1;
      if (appended > 1) throw failure;
    },
    close: async () => {},
  }));
  file.write('one\n');
  await until(() => appended === 1, 'the first write');
  file.write('two\n');
  await until(() => file.degraded.length > 0, 'the failure is known');
  expect(file.write('three\n')).toBe(false);
  await file.close();
  expect(appended).toBe(2);
  expect(journal.facts.slice(1)).toEqual([{ kind: 'recordingFailed', file: path, reason: 'ENOSPC' }]);
  expect(file.degraded).toEqual([`the recording ${path} ended: ENOSPC`]);
});

test('a disk that is full at the start does not prevent the agent from starting', async () => {
  const journal = noting();
  const file = await opened(journal, 1 << 20, () =>
    Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' })),
  );
  expect(file.write('one\n')).toBe(false);
  expect(journal.facts).toEqual([{ kind: 'recordingFailed', file: path, reason: 'ENOSPC' }]);
  await file.close();
});

test('a disk that hangs does not exhaust the memory', async () => {
  const journal = noting();
  let release = (): void => {};
  const hangs = new Promise<void>((resolve) => {
    release = resolve;
  });
  const file = await opened(journal, 1 << 30, async () => ({ append: () => hangs, close: async () => {} }));
  const line = `${'x'.repeat(64 * 1024)}\n`;
  let taken = 0;
  while (taken < 1000 && file.write(line)) taken += 1;
  expect(taken).toBeGreaterThan(100);
  expect(taken).toBeLessThan(140);
  expect(journal.facts.at(-1)).toMatchObject({ kind: 'recordingFailed', reason: 'the disk is too slow' });
  release();
  await file.close();
});
