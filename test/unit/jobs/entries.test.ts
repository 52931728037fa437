import { fc, test as fuzz } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import {
  decodeAgent,
  decodeDefinition,
  decodeOrders,
  decodeRuns,
  encodeAgent,
  encodeDefinition,
  encodeOrders,
  encodeRuns,
  parseJobKey,
} from '../../../src/jobs/entries.ts';
import type { JobRun } from '../../../src/jobs/types.ts';
import type { JobDefinition } from '../../../src/model/job.ts';
import { isJobKey } from '../../../src/model/job-entries.ts';
import { type Check, toEntryKey } from '../../../src/model/service.ts';
import { decodeCatalog, encodeDelta, entrySize } from '../../../src/wire/catalog.ts';
import { validateValue } from '../../../src/wire/entry-limits.ts';

const DEFINITION: JobDefinition = {
  ...{ name: 'nightly', schedule: { kind: 'cron', expression: '0 3 * * *', timezone: 'Europe/Berlin' } },
  ...{ place: { tag: 'role=db' }, timeout: 60_000, retries: 2, overlap: 'skip', jitter: 5000 },
  ...{ catchUp: 'all', quorum: 2, action: { kind: 'post', url: 'http://127.0.0.1:80/x' }, registeredAt: 5 },
};
const run = (tick: number): JobRun => ({
  ...{ tick, attempt: 1, state: 'succeeded', claimedAt: tick, startedAt: tick + 500, endedAt: tick + 900 },
  ...{ exit: 0, token: tick * 16 },
});
const RUNS = {
  runs: Array.from({ length: 8 }, (_, i) => run(1_800_000_000_000 - i)),
  output: 'ü'.repeat(400),
};

const CHECKS: readonly Check[] = [
  encodeDefinition(DEFINITION),
  encodeDefinition({
    ...DEFINITION,
    schedule: { kind: 'every', every: 1000 },
    jitter: 0,
    place: {},
    action: { kind: 'command' },
  }),
  encodeRuns('nightly', RUNS),
  encodeOrders('nightly', { paused: true, pausedAt: 3, runAt: 4 }),
  encodeAgent({ since: 7, boot: 9 }),
];

test('what is published is read as it was', () => {
  const [definition, command, runs, orders, agent] = CHECKS as [Check, Check, Check, Check, Check];
  expect(decodeDefinition('nightly', definition)).toEqual(DEFINITION);
  expect(decodeDefinition('nightly', command)?.action).toEqual({ kind: 'command' });
  expect(decodeRuns(runs)?.runs).toEqual(RUNS.runs);
  expect(decodeRuns(runs)?.output.length).toBe(256); // 512 bytes
  expect(decodeOrders(orders)).toEqual({ paused: true, pausedAt: 3, runAt: 4 });
  expect(decodeAgent(agent)).toEqual({ since: 7, boot: 9 });
  expect(CHECKS.map((check) => parseJobKey(toEntryKey(check))?.kind)).toEqual([
    'definition',
    'definition',
    'runs',
    'orders',
    'agent',
  ]);
});

test('an agent that knows no jobs takes their entries as checks, and passes them on whole', () => {
  const entries = CHECKS.map((value, i) => ({ key: toEntryKey(value), version: i + 1, value }));
  const delta = { owner: 'ann', epoch: 1, from: 0, to: 9, swept: 0, entries };
  for (const check of CHECKS) expect(validateValue(check)).toBeUndefined();
  const read = decodeCatalog(encodeDelta(delta));
  expect(read).toEqual({ kind: 'delta', ...delta });
  for (const { key } of entries) expect(isJobKey(key)).toBe(true);
});

test('a definition of the largest size is one entry, and a rumor', () => {
  const largest = encodeDefinition({
    ...DEFINITION,
    name: 'n'.repeat(64),
    schedule: {
      kind: 'cron',
      expression: `${'0,'.repeat(43)}0 3 * * *`,
      timezone: 'America/Argentina/ComodRivadavia',
    },
    place: { tag: `${'k'.repeat(64)}=${'v'.repeat(128)}` },
    action: { kind: 'post', url: `http://h/${'p'.repeat(375)}` },
  });
  expect(validateValue(largest)).toBeUndefined();
  expect(decodeDefinition('n'.repeat(64), largest)).toBeDefined();
  expect(entrySize({ key: toEntryKey(largest), version: 1, value: largest })).toBeLessThan(1200);
});

test.each([
  ['no JSON', '{'],
  ['a list', '[]'],
  ['a string', '"x"'],
  [
    'an every below a second',
    '{"every":1,"timeout":1,"retries":0,"overlap":"skip","jitter":0,"catchUp":"one","quorum":1,"registeredAt":1}',
  ],
  [
    'an unknown overlap',
    '{"every":1000,"timeout":1,"retries":0,"overlap":"no","jitter":0,"catchUp":"one","quorum":1,"registeredAt":1}',
  ],
  [
    'no schedule',
    '{"timeout":1,"retries":0,"overlap":"skip","jitter":0,"catchUp":"one","quorum":1,"registeredAt":1}',
  ],
  [
    'a text as a number',
    '{"every":1000,"timeout":"1","retries":0,"overlap":"skip","jitter":0,"catchUp":"one","quorum":1,"registeredAt":1}',
  ],
])('a definition with %s is not taken', (_, notes) => {
  expect(decodeDefinition('x', { ...(CHECKS[0] as Check), notes })).toBeUndefined();
});

fuzz.prop({ notes: fc.oneof(fc.json(), fc.string()), output: fc.string() })(
  'no notes make a reader throw, and what is taken is within the limits',
  ({ notes, output }) => {
    const check = { ...(CHECKS[0] as Check), notes, output };
    for (const decode of [decodeAgent, decodeOrders, decodeRuns]) decode(check);
    expect(decodeDefinition('x', check)?.timeout ?? 1).toBeGreaterThan(0);
  },
);

fuzz.prop({
  rows: fc.array(fc.array(fc.oneof(fc.integer(), fc.double(), fc.string()), { maxLength: 9 }), {
    maxLength: 9,
  }),
})('runs with invalid numbers are not taken', ({ rows }) => {
  const read = decodeRuns({ ...(CHECKS[2] as Check), notes: JSON.stringify({ runs: rows }) });
  for (const { tick, attempt, token } of read?.runs ?? []) {
    expect(tick).toBeGreaterThanOrEqual(0);
    expect(attempt).toBeGreaterThanOrEqual(1);
    expect(token).toBeGreaterThanOrEqual(0);
  }
});
