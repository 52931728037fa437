import { expect, test } from 'vitest';
import {
  firstIncarnation,
  isPlausibleIncarnation,
  MAX_INCARNATION,
  MAX_INCARNATION_JUMP,
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

test('an incarnation may jump by 2^20 at most, and never to the highest value', () => {
  expect(isPlausibleIncarnation(7 + MAX_INCARNATION_JUMP, 7)).toBe(true);
  expect(isPlausibleIncarnation(8 + MAX_INCARNATION_JUMP, 7)).toBe(false);
  expect(isPlausibleIncarnation(0, 7)).toBe(true);
  expect(isPlausibleIncarnation(MAX_INCARNATION, undefined)).toBe(true);
  expect(isPlausibleIncarnation(2 ** 31, undefined)).toBe(false);
  expect(isPlausibleIncarnation(2 ** 31, MAX_INCARNATION)).toBe(false);
});

test.each([
  [0, 1],
  [41, 42],
  [MAX_INCARNATION - MAX_INCARNATION_JUMP - 1, MAX_INCARNATION - MAX_INCARNATION_JUMP],
  [MAX_INCARNATION - MAX_INCARNATION_JUMP, 1],
  [2 ** 32 - 1, 1],
])('P28 after the saved incarnation %i an agent starts at %i', (saved, first) => {
  expect(firstIncarnation(saved)).toBe(first);
});
