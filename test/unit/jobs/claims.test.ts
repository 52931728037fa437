/** Two agents that both think a tick is theirs: messages take less than a spread time, and one of them runs it. */
import { expect, test } from 'vitest';
import { Jobs } from '../../../src/jobs/jobs.ts';
import { compareClaims } from '../../../src/jobs/owner.ts';
import type { JobEffect } from '../../../src/jobs/types.ts';
import { toEntryKey } from '../../../src/model/service.ts';
import { EPOCH, everySecond, SPREAD } from '../../support/jobs-cluster.ts';

const TICK = EPOCH + 10_000;
/** The one whose claim stands, and the one that yields. */
const [SMALL, LARGE] = ['ann', 'bob'].sort((a, b) => compareClaims('sweep', TICK, a, b)) as [string, string];

/** Who begins the tick, if each thinks from its time on that only itself is eligible. */
function begunBy(from: Readonly<Record<string, number>>, delay: number): string[] {
  const agents = new Map([SMALL, LARGE].map((self) => [self, new Jobs({ self, now: 0 })]));
  const begun: string[] = [];
  const mail: { at: number; owner: string; changes: Extract<JobEffect, { kind: 'publish' }>['changes'] }[] =
    [];
  for (const jobs of agents.values())
    jobs.own.register(
      everySecond({ schedule: { kind: 'every', every: 10_000 }, overlap: 'allow' }),
      undefined,
    );
  for (let now = 0; now < 15_000; now += 10) {
    for (const { owner, changes } of mail.filter(({ at }) => at === now))
      for (const [self, jobs] of agents)
        if (self !== owner)
          jobs.applyEntries(
            owner,
            changes.map((change) =>
              'put' in change
                ? { key: toEntryKey(change.put), before: undefined, after: change.put }
                : { key: change.remove, before: undefined, after: undefined },
            ),
            now,
          );
    for (const [self, jobs] of agents) {
      const out: JobEffect[] = [];
      jobs.wake(now);
      jobs.advance(
        now,
        {
          ...{ wall: EPOCH + now, spread: SPREAD, clockOffset: undefined, isGone: () => false },
          reasonAgainst: () => '',
          eligible: () => (now >= (from[self] ?? 0) ? [self] : []),
        },
        out,
      );
      for (const effect of out) {
        if (effect.kind === 'start') begun.push(self);
        if (effect.kind !== 'publish') continue;
        mail.push({ at: now + delay, owner: self, changes: effect.changes });
        jobs.applyEntries(
          self,
          effect.changes.flatMap((change) =>
            'put' in change ? [{ key: toEntryKey(change.put), before: undefined, after: change.put }] : [],
          ),
          now,
        );
      }
    }
  }
  return begun;
}

test('of two that claim at the same time the one with the smaller hash begins', () => {
  expect(begunBy({}, 300)).toEqual([SMALL]);
});

test('one that claims late does not begin beside one with a larger hash that was in time', () => {
  // The late claim arrives too late for the other one, and so does the word that the other one has begun.
  expect(begunBy({ [SMALL]: 10_200 }, 400)).toEqual([LARGE]);
});

test('of two that both claim late one begins', () => {
  expect(begunBy({ [SMALL]: 10_200, [LARGE]: 10_300 }, 400)).toEqual([SMALL]);
  expect(begunBy({ [SMALL]: 10_300, [LARGE]: 10_200 }, 400)).toEqual([SMALL]);
});
