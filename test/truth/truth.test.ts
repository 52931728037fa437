/** A few of the stories whose truth is known; `npm run stories` tells ten thousand. */
import { describe, expect, test } from 'vitest';
import { findFault, judgeStory } from './judge.ts';
import type { Truth } from './scene.ts';

/** Seeds that have each kind of episode, and combinations that were told wrongly once. */
const SEEDS = [1, 4, 43, 426, 1002, 1122, 1240, 1342, 1345, 1372, 1472, 3166, 3467, 3491];

test.each(SEEDS)('the story of seed %i is told as it was', (seed) => {
  expect(judgeStory(seed)).toMatchObject({ seed, right: true, note: '' });
});

test('eight stories in a row', () => {
  const verdicts = Array.from({ length: 8 }, (_, i) => judgeStory(20_001 + i));
  expect(verdicts.filter(({ right }) => !right)).toEqual([]);
});

describe('the judge', () => {
  const truth: Truth = { findings: ['failed'], accusations: ['true'], causes: ['refused'], since: 60_000 };
  const sentence = 'declared failed by ann at 61 s: direct and 2 of 2 indirect probes failed';
  const right = { finding: 'failed', accusation: 'true', cause: 'refused', sentence } as const;

  test.each([
    ['another finding', { finding: 'refuted' }, 'not failed'],
    ['another accusation', { accusation: 'unclear' }, 'not true'],
    ['another cause', { cause: 'silent' }, 'the cause is refused'],
    ['an incident of before', { sentence: sentence.replace('61', '31') }, 'it happened after 60000 ms'],
    [
      'an honest agent called a forger',
      { sentence: `${sentence}: forged in its name` },
      'nothing was forged',
    ],
    [
      'a second node that there is not',
      { sentence: `${sentence}; two nodes claim the name` },
      'no other node has the name',
    ],
  ] as const)('finds %s', (_, change, fault) => {
    expect(findFault(right, truth, false)).toBeUndefined();
    expect(findFault({ ...right, ...change }, truth, false)).toBe(fault);
  });
});
