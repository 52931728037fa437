import { expect, test } from 'vitest';
import {
  firstIncarnation,
  isPlausibleIncarnation,
  LEAD,
  MAX_INCARNATION,
  MAX_LEAD,
  precedence,
} from '../../../src/swim/precedence.ts';
import type { MemberState } from '../../../src/swim/types.ts';

test.each<[string, number, MemberState, number, string]>([
  // message, its incarnation, state held, its incarnation, precedence
  ['alive', 5, 'alive', 5, 'stale'],
  ['alive', 6, 'alive', 5, 'supersedes'],
  ['alive', 5, 'suspect', 5, 'stale'],
  ['alive', 6, 'suspect', 5, 'supersedes'],
  ['alive', 5, 'dead', 5, 'stale'],
  ['alive', 6, 'dead', 5, 'supersedes'],
  ['alive', 6, 'left', 5, 'supersedes'],
  ['suspect', 4, 'alive', 5, 'stale'],
  ['suspect', 5, 'alive', 5, 'supersedes'],
  ['suspect', 6, 'alive', 5, 'supersedes'],
  ['suspect', 5, 'suspect', 5, 'confirms'],
  ['suspect', 9, 'dead', 5, 'confirms'],
  ['dead', 4, 'suspect', 5, 'stale'],
  ['dead', 5, 'alive', 5, 'supersedes'],
  ['dead', 5, 'suspect', 5, 'supersedes'],
  ['dead', 9, 'dead', 5, 'confirms'],
  ['dead', 9, 'left', 5, 'confirms'],
])('%s@%i against %s@%i is %s', (kind, incarnation, state, held, worth) => {
  const rumor = { kind: kind as 'alive' | 'suspect' | 'dead', incarnation };
  expect(precedence(rumor, { state, incarnation: held })).toBe(worth);
});

test('P21 others may lead a member as far as its own word, 64, and one more each 62.5 ms, and never to the top', () => {
  const word = { incarnation: 7, at: 1000 };
  for (const [incarnation, now, expected] of [
    [0, 1000, true],
    [7 + LEAD, 1000, true],
    [8 + LEAD, 1000, false],
    [8 + LEAD, 1062, false],
    [8 + LEAD, 1063, true],
    [7 + LEAD + 16 * 60, 61_000, true],
    [8 + LEAD + 16 * 60, 61_000, false],
    [7 + MAX_LEAD, 1e12, true],
    [8 + MAX_LEAD, 1e12, false],
  ] as const)
    expect([incarnation, now, isPlausibleIncarnation(incarnation, word, now)]).toEqual([
      incarnation,
      now,
      expected,
    ]);
  expect(isPlausibleIncarnation(MAX_INCARNATION - 1, undefined, 0)).toBe(true);
  expect(isPlausibleIncarnation(MAX_INCARNATION, undefined, 0)).toBe(false);
  expect(isPlausibleIncarnation(MAX_INCARNATION, { incarnation: MAX_INCARNATION, at: 0 }, 0)).toBe(false);
});

test.each([
  [0, 1],
  [41, 42],
  [MAX_INCARNATION - 2 ** 20 - 1, MAX_INCARNATION - 2 ** 20],
  [MAX_INCARNATION - 2 ** 20, 1],
  [2 ** 32 - 1, 1],
])('P28 after the saved incarnation %i an agent starts at %i', (saved, first) => {
  expect(firstIncarnation(saved)).toBe(first);
});
