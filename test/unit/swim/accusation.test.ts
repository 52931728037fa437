import { expect, test } from 'vitest';
import { Actor, alive, dead, left, suspect } from './helpers.ts';

const five = (): Actor => new Actor('ann').knowing('bob', 'cat', 'dan', 'eve');

test('an accusation of nobody we know, or at an old incarnation, is nothing', () => {
  const ann = five().hear(alive('bob', 3));
  ann.take();
  ann.said();
  ann
    .hear(suspect('zoe', 'cat'))
    .hear(dead('zoe', 'cat'))
    .hear(suspect('bob', 'cat', 2))
    .hear(dead('bob', 'cat', 2));
  expect(ann.take()).toEqual([]);
  expect(ann.state('bob')).toBe('alive');
});

test('a suspicion is told on, and runs for the longest time when nobody confirms', () => {
  const ann = five().hear(suspect('bob', 'cat'));
  expect(ann.facts()).toEqual([
    { kind: 'memberSuspected', node: 'bob', by: 'cat', incarnation: 1, deadline: 24_000 },
  ]);
  expect(ann.said()).toEqual([suspect('bob', 'cat')]);
  ann.pass(23_999);
  expect(ann.state('bob')).toBe('suspect');
  ann.pass(1);
  expect(ann.state('bob')).toBe('dead');
  expect(ann.plot()).toEqual(['dead bob']);
  expect(ann.said()).toEqual([dead('bob', 'ann')]);
});

test('confirmations shorten it, and are told on while they count', () => {
  const ann = five().hear(suspect('bob', 'cat'));
  ann.said();
  ann.take();
  ann.hear(suspect('bob', 'dan'));
  expect(ann.said()).toEqual([suspect('bob', 'dan')]);
  expect(ann.facts()).toEqual([
    { kind: 'suspicionConfirmed', node: 'bob', by: 'dan', confirmations: 1, deadline: 11_381 },
  ]);
  ann.hear(suspect('bob', 'dan')).hear(suspect('bob', 'cat'));
  expect(ann.said()).toEqual([]);
  ann.hear(suspect('bob', 'eve'));
  expect(ann.said()).toEqual([suspect('bob', 'eve')]);
  ann.hear(suspect('bob', 'fay'));
  expect(ann.said()).toEqual([]);
  ann.pass(4000);
  expect(ann.state('bob')).toBe('dead');
});

test('dead ends a suspicion at once; the timer stays silent afterwards', () => {
  const ann = five().hear(suspect('bob', 'cat')).hear(dead('bob', 'dan'));
  expect(ann.plot()).toEqual(['dead bob']);
  ann.said();
  ann.pass(20_000);
  expect(ann.plot()).toEqual([]);
});

test('nothing is left to wait for when the accused is dead or has left', () => {
  const ann = five().hear(suspect('bob', 'cat')).hear(suspect('dan', 'cat'));
  expect(ann.swim.deadline).toBe(24_000);
  ann.hear(dead('bob', 'eve')).hear(left('dan'));
  expect(ann.swim.deadline).toBe(Number.POSITIVE_INFINITY);
});

test('dead by its own word is left', () => {
  const ann = five().hear(left('bob'));
  expect(ann.state('bob')).toBe('left');
  expect(ann.events()).toMatchObject([{ kind: 'memberDown', left: true, by: 'bob' }]);
});

test('who is down is not told to be down again, and does not get better or worse by it', () => {
  const ann = five().hear(dead('bob', 'cat')).hear(left('dan'));
  ann.take();
  ann.said();
  ann.hear(dead('bob', 'eve')).hear(left('bob')).hear(suspect('bob', 'eve')).hear(dead('dan', 'eve'));
  expect([ann.state('bob'), ann.state('dan')]).toEqual(['dead', 'left']);
  expect(ann.take()).toEqual([]);
  expect(ann.said()).toEqual([]);
});

test('after a refutation a new suspicion starts from the beginning', () => {
  const ann = five().hear(suspect('bob', 'cat'));
  ann.pass(20_000);
  ann.hear(alive('bob', 2)).hear(suspect('bob', 'cat', 2));
  ann.pass(23_000);
  expect(ann.state('bob')).toBe('suspect');
});

test('the highest incarnation in any admitted evidence is kept, for suspects and for the dead', () => {
  const ann = five()
    .hear(suspect('bob', 'cat'))
    .hear(suspect('bob', 'cat', 5));
  expect(ann.incarnationOf('bob')).toBe(5);
  ann.hear(alive('bob', 5));
  expect(ann.state('bob')).toBe('suspect');
  ann
    .hear(dead('bob', 'cat', 6))
    .hear(dead('bob', 'cat', 8))
    .hear(suspect('bob', 'cat', 9));
  expect([ann.state('bob'), ann.incarnationOf('bob')]).toEqual(['dead', 9]);
  ann.hear(alive('bob', 9));
  expect(ann.state('bob')).toBe('dead');
});

test('a suspicion that ends declares dead at the incarnation that was held then', () => {
  const ann = five()
    .hear(suspect('bob', 'cat'))
    .hear(suspect('bob', 'cat', 5));
  ann.said();
  ann.pass(24_000);
  expect(ann.said()).toEqual([dead('bob', 'ann', 5)]);
});
