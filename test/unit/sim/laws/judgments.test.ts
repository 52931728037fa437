/** Laws count what they judge, and a run in which one judged nothing shows nothing about it. */
import { expect, test } from 'vitest';
import { runSwarm } from '../../../../src/sim/scenarios/swarm.ts';
import { formatJudgments, idleLaws } from '../../../swarm/options.ts';
import { facts, pair } from '../scripted-agent.ts';

const { appeared, tried, suspected } = facts;

test('a law counts what a bug could have made wrong, violated or not', () => {
  const { ann, step, checkers } = pair();
  ann.show('bob');
  step(appeared);
  const { I10: before = 0 } = checkers.judgments;
  step(tried, suspected);
  expect(checkers.judgments.I10).toBe(before + 1);
  expect(checkers.judgments.I2).toBeUndefined();
});

test('a law that is not held against forged messages does not count there', () => {
  const { judgments } = runSwarm({ seed: 8, members: 3, minutes: 0.2, kinds: ['byzantine'] });
  expect(judgments.I1).toBeGreaterThan(0);
  expect(judgments.I3).toBeUndefined();
});

test('the table has a line for each law, and laws that judged in no seed are named', () => {
  const reports = [{ judgments: { I1: 3 } }, { judgments: { I1: 4, L1: 1 } }, { judgments: {} }];
  expect(formatJudgments(['I1', 'I8'], reports).map((line) => line.trim().replace(/ +/g, ' '))).toEqual([
    'I1 7 times in 2 of 3 seeds',
    'I8 0 times in 0 of 3 seeds',
  ]);
  expect(idleLaws(['I1', 'I8', 'L1'], reports)).toEqual(['I8']);
});
