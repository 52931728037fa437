import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { swimSection as settings } from '../../../../src/config/protocol.ts';
import { withDefaults } from '../../../../src/config/setting.ts';
import type { MutableMember } from '../../../../src/swim/members.ts';
import { pushPullScale } from '../../../../src/swim/scheduled-push-pull.ts';
import {
  expectedConfirmations,
  Suspicions,
  suspicionLength,
  suspicionTimeout,
} from '../../../../src/swim/state/suspicion.ts';
import type { AccusationReason } from '../../../../src/swim/types.ts';
import { identityOf } from '../helpers.ts';

const golden = JSON.parse(
  readFileSync(new URL('../../../golden/algorithms.json', import.meta.url), 'utf8'),
) as {
  suspicionTimeout: { n: number; lanMinMs: number; lanMaxMs: number; wanMinMs: number }[];
  remainingSuspicion: Record<
    'confirmations' | 'elapsedMs' | 'k' | 'maxMs' | 'minMs' | 'remainingMs',
    number
  >[];
  pushPullScale: { n: number; multiplier: number }[];
};

describe('as computed by memberlist', () => {
  test('the shortest and the longest suspicion at all cluster sizes', () => {
    for (const { n, lanMinMs, lanMaxMs, wanMinMs } of golden.suspicionTimeout) {
      expect([n, suspicionTimeout(4, n, 1000)]).toEqual([n, lanMinMs]);
      expect([n, suspicionTimeout(4, n, 1000) * 6]).toEqual([n, lanMaxMs]);
      expect([n, suspicionTimeout(6, n, 5000)]).toEqual([n, wanMinMs]);
    }
  });

  test('the rest of a suspicion after each confirmation', () => {
    for (const { confirmations, elapsedMs, k, maxMs, minMs, remainingMs } of golden.remainingSuspicion)
      expect(suspicionLength(confirmations, k, minMs, maxMs) - elapsedMs).toBe(remainingMs);
  });

  test('the push/pull interval at all cluster sizes', () => {
    for (const { n, multiplier } of golden.pushPullScale)
      expect([n, pushPullScale(n)]).toEqual([n, multiplier]);
  });
});

const WHY: AccusationReason = { kind: 'message', by: 'ann', source: '' };
const VERDICT = { kind: 'dead', incarnation: 1, node: 'bob', from: 'cat' } as const;
const someone = (): MutableMember => ({
  identity: identityOf('bob'),
  state: 'suspect',
  incarnation: 1,
  since: 0,
  word: undefined,
});
const lan = (): Suspicions => new Suspicions(withDefaults(settings));

test('with three members or fewer no confirmation is expected, and the suspicion has the shortest time', () => {
  expect([1, 2, 3, 4, 5].map((n) => expectedConfirmations(4, n))).toEqual([0, 0, 0, 2, 2]);
  expect(lan().start(someone(), 'ann', 3, 100, WHY).deadline).toBe(4100);
});

test('otherwise it starts with the longest time, and each confirmation shortens it, counted from its start', () => {
  const suspicions = lan();
  const bob = someone();
  expect(suspicions.start(bob, 'ann', 5, 1000, WHY).deadline).toBe(25_000);
  expect(suspicions.confirm(bob, 'cat', 2000)?.deadline).toBe(1000 + 11_381);
  expect(suspicions.confirm(bob, 'dan', 3000)?.deadline).toBe(5000);
  expect(suspicions.deadline).toBe(4000); // the last second is the last call
});

test('a repeated accusation, and confirmations beyond those expected, do not count', () => {
  const suspicions = lan();
  const bob = someone();
  suspicions.start(bob, 'ann', 5, 0, WHY);
  expect(suspicions.confirm(bob, 'ann', 1)).toBeUndefined();
  expect(suspicions.confirm(bob, 'cat', 1)).toBeDefined();
  expect(suspicions.confirm(bob, 'cat', 1)).toBeUndefined();
  expect(suspicions.confirm(bob, 'dan', 1)).toBeDefined();
  expect(suspicions.confirm(bob, 'eve', 1)).toBeUndefined();
  expect(suspicions.deadline).toBe(3000);
});

test('a confirmation after the shortened time ends it now, not in the past', () => {
  const suspicions = lan();
  const bob = someone();
  suspicions.start(bob, 'ann', 5, 0, WHY);
  suspicions.confirm(bob, 'cat', 9000);
  suspicions.confirm(bob, 'dan', 9000);
  expect(suspicions.deadline).toBe(9000);
  expect(suspicions.nextDue(9000)).toBe(bob);
  expect(suspicions.nextDue(9000)).toBeUndefined();
});

test('a stopped suspicion never becomes due', () => {
  const suspicions = lan();
  const bob = someone();
  suspicions.start(bob, 'ann', 5, 0, WHY);
  suspicions.stop(bob);
  expect(suspicions.deadline).toBe(Number.POSITIVE_INFINITY);
  expect(suspicions.nextDue(1e9)).toBeUndefined();
});

test('the time of a stall is given back, also for later confirmations', () => {
  const suspicions = lan();
  const bob = someone();
  suspicions.start(bob, 'ann', 5, 0, WHY);
  suspicions.postpone(10_000, 10_500);
  expect(suspicions.deadline).toBe(33_000);
  suspicions.confirm(bob, 'cat', 12_000);
  expect(suspicions.deadline).toBe(9_000 + 11_381);
});

test('a suspicion that would end right after a stall gets a little more time', () => {
  const suspicions = lan();
  suspicions.start(someone(), 'ann', 3, 0, WHY);
  suspicions.postpone(10_000, 14_500);
  expect(suspicions.deadline).toBe(14_500);
});

test('a verdict that came just before a stall is due right after it, and not when the suspicion ends', () => {
  const suspicions = lan();
  const bob = someone();
  suspicions.start(bob, 'ann', 5, 0, WHY);
  suspicions.addVerdict(bob, { message: VERDICT, reason: WHY }, 2000);
  suspicions.postpone(150, 2650);
  expect([suspicions.deadline, suspicions.get(bob)?.deadline]).toEqual([2650, 24_150]);
});

test('those that are due can be postponed, the others go on', () => {
  const suspicions = lan();
  const [bob, cat] = [someone(), someone()];
  suspicions.start(bob, 'ann', 3, 0, WHY);
  suspicions.start(cat, 'ann', 3, 2000, WHY);
  suspicions.postponeDue(3000, 9000);
  expect(suspicions.nextDue(5000)).toBe(cat);
  expect(suspicions.nextDue(8999)).toBeUndefined();
  expect(suspicions.nextDue(9000)).toBe(bob);
});

test('an answer, to a verification or to a verdict, never shortens the time of a suspect', () => {
  const suspicions = lan();
  const bob = someone();
  suspicions.start(bob, 'ann', 5, 0, WHY);
  suspicions.extend(bob, 1000);
  expect(suspicions.get(bob)?.deadline).toBe(24_000);
  expect(suspicions.addVerdict(bob, { message: VERDICT, reason: WHY }, 2000)).toBe(true);
  expect(suspicions.nextDue(2000)).toBe(bob);
  suspicions.extend(bob, 2500);
  expect([suspicions.get(bob)?.deadline, suspicions.deadline]).toEqual([24_000, 23_000]);
});

test('a verified suspect gets the shortest time again, at most', () => {
  const suspicions = lan();
  const bob = someone();
  suspicions.start(bob, 'ann', 5, 0, WHY);
  expect(suspicions.nextDue(23_000)).toBe(bob);
  suspicions.extend(bob, 23_500);
  expect(suspicions.get(bob)?.deadline).toBe(27_500);
  expect(suspicions.nextDue(26_500)).toBe(bob);
  suspicions.stop(bob);
  suspicions.extend(bob, 30_000);
  suspicions.reschedule(bob, 30_000);
  expect(suspicions.deadline).toBe(Number.POSITIVE_INFINITY);
});
