/** Whether a build has lost, from pairs of figures. */
import { expect, test } from 'vitest';
import { compare, lossesOf, type Pair, ratioTable } from './ratios.ts';

const pairs = (...ratios: readonly number[]): Pair[] =>
  ratios.map((ratio, i) => ({ before: 100 * (i + 1), after: 100 * (i + 1) * ratio }));

test('a tenth more in the median is a loss, a little less is not', () => {
  expect(compare('a', pairs(1.12, 1.1, 1.11)).verdict).toBe('worse');
  expect(compare('a', pairs(1.12, 1.09, 1.08)).verdict).toBe('same');
  expect(compare('a', pairs(0.85, 0.9, 0.88)).verdict).toBe('better');
});

test('pairs count, not the medians of either side: a machine that slows down slows both', () => {
  const slowing = [1, 2, 3, 4, 5].map((times) => ({ before: 100 * times, after: 101 * times }));
  expect(compare('a', slowing)).toMatchObject({ before: 300, after: 303, verdict: 'same' });
  expect(compare('a', slowing).ratio).toBeCloseTo(1.01);
});

test('where pairs do not agree it is unclear, which is no pass', () => {
  const scattered = compare('a', pairs(0.8, 0.9, 1.15, 1.4, 1.3));
  expect(scattered.verdict).toBe('unclear');
  expect(
    lossesOf([scattered, compare('b', pairs(1)), compare('c', pairs(1.5))]).map(({ name }) => name),
  ).toEqual(['a', 'c']);
});

test('nothing stays nothing, and something out of nothing is a loss', () => {
  expect(compare('a', [{ before: 0, after: 0 }]).verdict).toBe('same');
  expect(compare('a', [{ before: 0, after: 3 }]).verdict).toBe('worse');
});

test('no figure is no pass', () => {
  expect(() => compare('a', [])).toThrow('nothing was measured');
  expect(() => compare('a', [{ before: 1, after: Number.NaN }])).toThrow('no figures');
});

test('the table names both builds, and what has changed', () => {
  const text = ratioTable([compare('start, ms', pairs(1.2)), compare('bytes', pairs(1))], 'v0.2.0');
  expect(text).toContain('v0.2.0');
  expect(text).toMatch(/^start, ms +1 +100 +120 +1\.200 +WORSE$/m);
  expect(text).toMatch(/^bytes +1 +100 +100 +1\.000$/m);
});
