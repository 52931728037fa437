import { expect, test } from 'vitest';
import type { Fact } from '../../../../src/agent/contract/facts.ts';
import { disagreements } from '../../../../src/sim/laws/index.ts';
import { facts, pair } from '../scripted-agent.ts';

const { appeared, tried, suspected, lifted, died, left, returned, forgotten } = facts;

test('an honest agent violates no law', () => {
  const { ann, bob, step, checkers, world } = pair();
  bob.show('bob');
  ann.show('bob');
  step(appeared);
  ann.show('bob', { state: 'suspect' });
  step(tried, suspected);
  bob.show('bob', { incarnation: 2 });
  ann.show('bob', { incarnation: 2 });
  step(lifted);
  ann.show('bob', { incarnation: 2, state: 'dead' });
  step(tried, { ...suspected, incarnation: 2 }, { ...died, incarnation: 2 });
  bob.show('bob', { incarnation: 3 });
  ann.show('bob', { incarnation: 3 });
  step({ ...returned, incarnation: 3 });
  world.run(3000);

  expect(checkers.violations).toEqual([]);
  expect(() => checkers.assertNoViolations()).not.toThrow();
});

test('I1: an incarnation that falls while the row is there', () => {
  const { ann, bob, step } = pair();
  bob.show('bob', { incarnation: 5 });
  ann.show('bob', { incarnation: 5 });
  expect(step(appeared)).toEqual([]);
  ann.show('bob', { incarnation: 4 });
  expect(step(tried)).toEqual(['I1']);
});

test('a row that was dropped may start again', () => {
  const { ann, step } = pair();
  ann.show('bob');
  step(appeared, tried, suspected, died, forgotten);
  expect(step(appeared)).toEqual([]);
});

test('I2: up again at an incarnation it was down at, reported or not', () => {
  const told = pair();
  told.ann.show('bob', { state: 'dead' });
  expect(told.step(appeared, tried, suspected, died)).toEqual([]);
  told.ann.show('bob');
  expect(told.step({ ...returned, incarnation: 1 })).toEqual(['I2']);

  const silent = pair();
  silent.ann.show('bob', { state: 'dead' });
  silent.step(appeared, tried, suspected, died);
  silent.ann.show('bob');
  expect(silent.step(tried)).toContain('I2');
});

test.each([
  { what: 'an agent', serfPeer: false, expected: ['I2'] },
  { what: 'a Serf peer', serfPeer: true, expected: [] },
])('I2: dropped, and taken back by $what though no agent of that name runs', ({ serfPeer, expected }) => {
  const { ann, step, world } = pair({ serfPeer });
  ann.show('bob');
  step(appeared);
  world.stop('bob');
  world.run(5000);
  ann.show('bob', { state: 'dead' });
  step(tried, suspected, died, forgotten);
  ann.show('bob');
  expect(step(appeared)).toEqual(expected);
});

test('I2: dropped, and taken back once it runs again', () => {
  const { ann, step, world } = pair();
  ann.show('bob');
  step(appeared);
  world.stop('bob');
  world.run(5000);
  ann.show('bob', { state: 'dead' });
  step(tried, suspected, died, forgotten);
  world.run(5000);
  world.start('bob');
  ann.show('bob', { address: world.host('bob').address });
  expect(step(appeared)).toEqual([]);
});

test('I3: an incarnation that its member never had, found by a sweep too', () => {
  const { ann, step, world, checkers } = pair();
  ann.show('bob');
  expect(step(appeared)).toEqual([]);
  ann.show('bob', { incarnation: 2 });

  world.run(1500);

  expect(checkers.violations.join()).toContain('I3 ann holds bob@2');
});

test('a member in whose name messages are forged is not held to its own word', () => {
  const { ann, step, checkers } = pair();
  checkers.markForged('bob');
  ann.show('bob', { incarnation: 9, meta: Uint8Array.of(1) });
  expect(step(appeared)).toEqual([]);
});

test.each(['dead', 'left'] as const)('I5: a running agent that sees itself %s', (state) => {
  const { ann, step } = pair();
  ann.show('ann', { state });
  expect(step(tried)).toEqual(['I5']);
});

test.each<[string, Fact[]]>([
  ['suspected when unknown', [tried, suspected]],
  ['suspected when dead', [appeared, tried, suspected, died, tried, suspected]],
  ['lifted when alive', [appeared, lifted]],
  ['dead twice', [appeared, tried, suspected, died, tried, suspected, died]],
  ['returned when alive', [appeared, returned]],
  ['dropped when alive', [appeared, forgotten]],
  ['left without leaving', [appeared, left]],
])('I6: %s', (_what, reported) => {
  expect(pair().step(...reported)).toContain('I6');
});

test('I6: a row that changes without a fact', () => {
  const { ann, step, broken, world } = pair();
  ann.show('bob');
  expect(step(appeared)).toEqual([]);
  ann.show('bob', { state: 'suspect' });
  world.run(1500);
  expect(broken()).toContain('I6');
});

test('left is allowed after a leave command', () => {
  const { ann, step, world } = pair();
  ann.show('bob', { state: 'left' });
  world.command('bob', { kind: 'leave' });
  expect(step(appeared, left)).toEqual([]);
});

test('a violation is thrown with the seed', () => {
  const { step, checkers } = pair();
  step(lifted);
  expect(() => checkers.assertNoViolations()).toThrow(/seed 1: 1 law\(s\) violated/);
});

test('a disagreement names the observer, the member and the status', () => {
  const { world, ann, bob } = pair();
  ann.show('bob');
  bob.show('ann', { incarnation: 3 });
  expect(disagreements(world)).toEqual(['bob sees ann@3 instead of @1']);

  ann.show('eve');
  ann.show('bob', { state: 'dead' });
  expect(disagreements(world)).toEqual([
    'ann sees bob as failed',
    'ann sees eve as alive, which does not run',
    'bob sees ann@3 instead of @1',
  ]);
});
