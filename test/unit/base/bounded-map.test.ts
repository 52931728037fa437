import { expect, test } from 'vitest';
import { BoundedMap } from '../../../src/base/bounded-map.ts';

test('one entry too many evicts the oldest', () => {
  const map = new BoundedMap<string, number>(2).set('a', 1).set('b', 2).set('c', 3);
  expect([...map]).toEqual([
    ['b', 2],
    ['c', 3],
  ]);
});

test('an entry that is set again becomes the newest, and evicts nothing', () => {
  const map = new BoundedMap<string, number>(2).set('a', 1).set('b', 2).set('a', 3);
  expect([...map]).toEqual([
    ['b', 2],
    ['a', 3],
  ]);
  expect([...map.set('c', 4).keys()]).toEqual(['a', 'c']);
});

test('get leaves the order alone, touch makes an entry the newest', () => {
  const map = new BoundedMap<string, number>(2).set('a', 1).set('b', 2);
  expect(map.get('a')).toBe(1);
  expect([...map.keys()]).toEqual(['a', 'b']);
  expect(map.touch('a')).toBe(1);
  expect([...map.keys()]).toEqual(['b', 'a']);
});

test('touching what is not there adds nothing', () => {
  const map = new BoundedMap<string, number>(2).set('a', 1);
  expect(map.touch('b')).toBeUndefined();
  expect([...map.keys()]).toEqual(['a']);
});

test('a map must have room for one entry', () => {
  expect(() => new BoundedMap(0)).toThrow('impossible');
});
