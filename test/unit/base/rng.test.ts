import { expect, test } from 'vitest';
import { createRng, shuffle } from '../../../src/base/rng.ts';

const draws = (seed: number, n: number): number[] => {
  const rng = createRng(seed);
  return Array.from({ length: n }, () => rng.next());
};

test('the same seed gives the same numbers, another seed gives others', () => {
  expect(draws(7, 100)).toEqual(draws(7, 100));
  expect(draws(7, 100)).not.toEqual(draws(8, 100));
});

test('numbers are uniform in [0, 1)', () => {
  const values = draws(1, 100_000);
  expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
  const buckets = new Array<number>(10).fill(0);
  for (const value of values) {
    const bucket = Math.floor(value * 10);
    buckets[bucket] = (buckets[bucket] as number) + 1;
  }
  // Six standard deviations of a binomial with n = 100,000 and p = 0.1.
  for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(570);
});

test('a fork has numbers of its own, and its parent stays reproducible', () => {
  const rng = createRng(3);
  const child = rng.fork();
  const afterFork = rng.next();
  expect(child.next()).not.toBe(afterFork);
  const again = createRng(3);
  again.fork();
  expect(again.next()).toBe(afterFork);
});

test('shuffle keeps every item and can give every order', () => {
  const rng = createRng(5);
  const orders = new Set<string>();
  for (let i = 0; i < 500; i++) orders.add(shuffle(['a', 'b', 'c'], rng).join(''));
  expect([...orders].sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
});

test('a derived generator takes no number of its source, and has others by another name', () => {
  const [plain, used] = [createRng(1), createRng(1)];
  const [a, b, c] = [used.derive('a').next(), used.derive('b').next(), createRng(2).derive('a').next()];
  expect(used.next()).toBe(plain.next());
  expect(new Set([a, b, c]).size).toBe(3);
  expect(used.derive('a').next()).toBe(a);
});
