import { expect, test } from 'vitest';
import { RecentWarnings, type Warned } from '../../../../src/shell/logging/recent-warnings.ts';

const HOUR = 3_600_000;
const rejected = (from: string, code: string, detail = ''): Warned => ({
  ...{ component: 'net', kind: 'packetRejected', message: 'packet rejected' },
  fields: { from, code, detail },
});

function recent() {
  const clock = { now: 1000 };
  return { clock, it: new RecentWarnings(() => clock.now) };
}

test('equal warnings are one, with their number and the fields of the last', () => {
  const { it, clock } = recent();
  it.record(rejected('10.0.0.9:7946', 'plaintext', 'first'));
  clock.now += 5000;
  it.record(rejected('10.0.0.9:50111', 'plaintext', 'second'));
  clock.now += 2000;
  expect(it.list()).toEqual([
    {
      ...rejected('10.0.0.9:50111', 'plaintext', 'second'),
      ...{ count: 2, firstAgoMs: 7000, lastAgoMs: 2000 },
    },
  ]);
});

test('another host or another code is another warning; the latest is first', () => {
  const { it, clock } = recent();
  for (const [from, code] of [
    ['10.0.0.9:1', 'plaintext'],
    ['10.0.0.8:1', 'plaintext'],
    ['10.0.0.9:1', 'badLabel'],
  ] as const) {
    it.record(rejected(from, code));
    clock.now += 1;
  }
  expect(it.list().map(({ fields }) => [fields['from'], fields['code']])).toEqual([
    ['10.0.0.9:1', 'badLabel'],
    ['10.0.0.8:1', 'plaintext'],
    ['10.0.0.9:1', 'plaintext'],
  ]);
});

test('after an hour a warning is gone', () => {
  const { it, clock } = recent();
  it.record(rejected('10.0.0.9:1', 'plaintext'));
  clock.now += HOUR;
  expect(it.list()).toHaveLength(1);
  clock.now += 1;
  expect(it.list()).toEqual([]);
});

test('strangers who cause any number of one kind push out only their like', () => {
  const { it } = recent();
  it.record({ ...rejected('', ''), kind: 'storageFailed', fields: { reason: 'ENOSPC' } });
  for (let i = 0; i < 10_000; i++) it.record(rejected(`10.0.${i >> 8}.${i & 255}:1`, 'plaintext'));
  const kinds = it.list().map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'packetRejected')).toHaveLength(16);
  expect(kinds).toContain('storageFailed');
});
