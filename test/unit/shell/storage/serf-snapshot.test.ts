import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseSerfSnapshot, readSerfSnapshot } from '../../../../src/shell/storage/serf-snapshot.ts';

test('P62 members alive at the end are imported, and each clock continues after the last time seen', () => {
  const snapshot = parseSerfSnapshot(
    [
      'alive: bob 10.0.0.2:7946',
      'alive: cat 10.0.0.3:7946',
      '# a comment',
      'clock: 41',
      'event-clock: 7',
      'query-clock: 3',
      'coordinate: {}',
      'not-alive: cat',
      'alive: dan [fd00::4]:7946',
      'clock: 42',
      '',
    ].join('\n'),
  );

  expect(snapshot).toEqual({
    incarnation: 0,
    clocks: { member: 43, event: 8, query: 4 },
    peers: [
      { name: 'bob', addr: '10.0.0.2:7946' },
      { name: 'dan', addr: '[fd00::4]:7946' },
    ],
  });
});

test('P62 an agent that had left starts fresh', () => {
  expect(parseSerfSnapshot('alive: bob 10.0.0.2:7946\nclock: 9\nleave\n')).toEqual({
    incarnation: 0,
    clocks: { member: 1, event: 1, query: 1 },
    peers: [],
  });
});

test('P62 invalid lines, and a last one that is cut, are skipped', () => {
  const lines = [
    'alive: bob',
    'alive:  10.0.0.2:7946',
    'clock: -1',
    'clock: 1e9',
    'alive: eve nowhere',
    'event-clock: 5',
  ];
  expect(parseSerfSnapshot(lines.join('\n'))).toMatchObject({
    clocks: { member: 1, event: 1, query: 1 },
    peers: [],
  });
});

test('P62 a missing file, or one that others can write, is refused by name', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hearsay-serf-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'snapshot');
  await expect(readSerfSnapshot(path)).rejects.toThrow(/there is no such file/);
  writeFileSync(path, 'clock: 1\n');
  chmodSync(path, 0o666);
  await expect(readSerfSnapshot(path)).rejects.toThrow(/can be written by other users/);
});
