import { expect, test } from 'vitest';
import { Awareness } from '../../../../src/swim/state/awareness.ts';
import type { SwimEffect } from '../../../../src/swim/types.ts';

const scores = (deltas: readonly number[], bound = 8): number[] => {
  const health = new Awareness(bound);
  return deltas.map((delta) => {
    health.apply(delta, []);
    return health.score;
  });
};

test('the score stays between 0 and one below its bound', () => {
  expect(scores([-1, 3, 3, 3, -1])).toEqual([0, 3, 6, 7, 6]);
  expect(scores([1, 1], 1)).toEqual([0, 0]);
});

test('the higher the score, the longer a probe may take', () => {
  const health = new Awareness(8);
  expect(health.scale(1000)).toBe(1000);
  health.apply(2, []);
  expect(health.scale(1000)).toBe(3000);
});

test('only a change is a fact', () => {
  const out: SwimEffect[] = [];
  const health = new Awareness(8);
  health.apply(-1, out);
  health.apply(0, out);
  health.apply(2, out);
  expect(out).toEqual([{ kind: 'fact', fact: { kind: 'awarenessChanged', awareness: 2 } }]);
});
