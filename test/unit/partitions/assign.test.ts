/** Rendezvous with bounded load: who is to have what, and how little moves when workers come and go. */
import { describe, expect, test } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { assign, compareClaimants } from '../../../src/partitions/assign.ts';
import type { WorkerId } from '../../../src/partitions/types.ts';

const worker = (i: number): WorkerId => ({ node: `n${i}`, id: `w${i}` });
const workers = (n: number): WorkerId[] => Array.from({ length: n }, (_, i) => worker(i));
const nobody = (): undefined => undefined;
const loads = (plan: readonly (WorkerId | undefined)[], of: readonly WorkerId[]): number[] =>
  of.map(({ id }) => plan.filter((one) => one?.id === id).length);
const moved = (a: readonly (WorkerId | undefined)[], b: readonly (WorkerId | undefined)[]): number =>
  a.filter((one, i) => one?.id !== b[i]?.id).length;

test('without workers nobody has anything, and one worker has all', () => {
  expect(assign('p', 3, [], nobody)).toEqual([undefined, undefined, undefined]);
  expect(loads(assign('p', 3, workers(1), nobody), workers(1))).toEqual([3]);
});

test.each([1, 2, 3, 5, 7, 16, 40])('%i workers have equal numbers, give or take one', (n) => {
  for (const count of [1, 7, 16, 64]) {
    const all = loads(assign('p', count, workers(n), nobody), workers(n));
    expect(all.reduce((a, b) => a + b)).toBe(count);
    expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
  }
});

test('all agents compute the same, in whatever order they know the workers', () => {
  const all = workers(5);
  expect(assign('p', 32, [...all].reverse(), nobody)).toEqual(assign('p', 32, all, nobody));
});

test('what is held stays while the load is equal, although the hash would choose otherwise', () => {
  const plan = assign('other', 32, workers(4), nobody);
  expect(assign('p', 32, workers(4), (partition) => plan[partition])).toEqual(plan);
});

describe.each([1, 2, 3])('when %i of the workers change', (k) => {
  test('the partitions of as many workers move, at most', () => {
    const rng = createRng(k);
    for (let i = 0; i < 200; i++) {
      const n = k + 1 + rng.int(12);
      const count = 1 + rng.int(96);
      const before = assign('p', count, workers(n), nobody);
      const bound = k * Math.ceil(count / n);
      const fewer = workers(n).slice(k);
      const less = assign('p', count, fewer, (partition) => before[partition]);
      expect(moved(before, less)).toBeLessThanOrEqual(bound);
      const more = assign('p', count, workers(n + k), (partition) => before[partition]);
      expect(moved(before, more)).toBeLessThanOrEqual(k * Math.ceil(count / (n + k)));
      const others = [...fewer, ...Array.from({ length: k }, (_, j) => worker(100 + j))];
      const swapped = assign('p', count, others, (partition) => before[partition]);
      expect(moved(before, swapped)).toBeLessThanOrEqual(bound);
    }
  });
});

test('of two claims one yields, whoever compares them', () => {
  const [a, b] = [worker(1), worker(2)];
  expect(Math.sign(compareClaimants('p', 3, a, b))).toBe(-Math.sign(compareClaimants('p', 3, b, a)));
  expect(compareClaimants('p', 3, a, b)).not.toBe(0);
  expect(compareClaimants('p', 3, a, a)).toBe(0);
});
