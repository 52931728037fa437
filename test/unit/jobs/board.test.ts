import { expect, test } from 'vitest';
import { Board } from '../../../src/jobs/board.ts';
import { encodeRuns } from '../../../src/jobs/entries.ts';
import type { JobRun, RunState } from '../../../src/jobs/types.ts';
import { judgeTick } from '../../../src/jobs/verdict.ts';
import { toEntryKey } from '../../../src/model/service.ts';

const run = (tick: number, state: RunState = 'succeeded'): JobRun => ({
  ...{ tick, attempt: 1, state, claimedAt: tick, startedAt: 0, endedAt: 0, exit: 0, token: tick },
});

/** The verdict on tick 1, after these records of one agent. */
function verdictAfter(
  records: readonly (readonly JobRun[] | undefined)[],
  isGone = false,
  retries = 0,
): string {
  const board = new Board();
  for (const runs of records) {
    const value = encodeRuns('j', { runs: runs ?? [], output: '' });
    board.apply('ann', [{ key: toEntryKey(value), before: undefined, after: runs && value }]);
  }
  const job = board.jobs.get('j');
  return judgeTick(job?.runsOf(1) ?? new Map(), { retries }, () => isGone).kind;
}

const NEWER = Array.from({ length: 8 }, (_, i) => run(i + 2));

test.each<[string, readonly (readonly JobRun[] | undefined)[], string]>([
  ['nothing is known', [], 'open'],
  ['it is claimed', [[run(1, 'claimed')]], 'taken'],
  ['it is running', [[run(1, 'running')]], 'taken'],
  ['it is over', [[run(1)]], 'done'],
  ['it was skipped', [[run(1, 'skipped')]], 'done'],
  ['a claim was withdrawn', [[run(1, 'claimed')], []], 'open'],
  ['its agent has forgotten that it ran', [[run(1, 'running')], undefined], 'done'],
  ['its agent has forgotten that it ended', [[run(1)], undefined], 'done'],
  // Heard of last before a partition: what goes on is never pushed out.
  ['a claim was pushed out by newer runs', [[run(1, 'claimed')], NEWER], 'done'],
  ['a claim is missing beside newer runs that leave room', [[run(1, 'claimed')], NEWER.slice(1)], 'open'],
])('if %s, its verdict is right', (_, records, kind) => {
  expect(verdictAfter(records)).toBe(kind);
});

test.each([
  ['claimed', 0, 'open'],
  ['running', 0, 'done'],
  ['running', 1, 'open'],
  ['waiting', 1, 'open'],
  ['succeeded', 1, 'done'],
] as const)('of a dead agent that had it %s, with %i retries, it is %s', (state, retries, kind) => {
  expect(verdictAfter([[run(1, state)]], true, retries)).toBe(kind);
});
