import { expect, test } from 'vitest';
import { KeptLists, type ProxyTarget } from '../../../../../src/http/endpoint/reply/kept-lists.ts';

const target = (node: string, weight = 1): ProxyTarget => ({
  ...{ node, id: 'web', address: '10.0.0.1', port: 80, weight, zone: '' },
});
const [A, B, C] = [target('a'), target('b'), target('c')];
const cutOff = (): boolean => true;

test('instances that go one by one are lost together', () => {
  const lists = new KeptLists();
  expect(lists.update('web', [A, B, C], cutOff, 0)).toEqual([]);
  expect(lists.update('web', [B, C], cutOff, 100_000)).toEqual([A]);
  expect(lists.update('WEB', [C], cutOff, 103_000)).toEqual([B, A]);
  expect(lists.update('web', [], cutOff, 106_000)).toEqual([C, B, A]);
  expect(lists.update('web', [], cutOff, 900_000)).toEqual([C, B, A]);
});

test('one that was lost more than a minute before the last is dead', () => {
  const lists = new KeptLists();
  lists.update('web', [A, B], cutOff, 0);
  lists.update('web', [B], cutOff, 1000);
  expect(lists.update('web', [], cutOff, 61_000)).toEqual([B, A]);
  const later = new KeptLists();
  later.update('web', [A, B], cutOff, 0);
  later.update('web', [B], cutOff, 1000);
  expect(later.update('web', [], cutOff, 61_001)).toEqual([B]);
});

test('one that is back, or was deregistered, is not lost', () => {
  const lists = new KeptLists();
  lists.update('web', [A, B], cutOff, 0);
  lists.update('web', [B], cutOff, 1000);
  const heavier = target('a', 5);
  expect(lists.update('web', [heavier], cutOff, 2000)).toEqual([B]);
  expect(lists.update('web', [], ({ node }) => node === 'a', 3000)).toEqual([heavier]);
  expect(lists.update('web', [], () => false, 4000)).toEqual([]);
  expect(lists.update('web', [], cutOff, 5000)).toEqual([]);
});

test('services are apart, and the one that was longest not asked for is forgotten first', () => {
  const lists = new KeptLists();
  for (let i = 0; i <= 1024; i++) lists.update(`s${i}`, [A], cutOff, 0);
  expect(lists.update('s0', [], cutOff, 1)).toEqual([]);
  expect(lists.update('s1', [], cutOff, 1)).toEqual([A]);
  expect(lists.update('other', [], cutOff, 1)).toEqual([]);
});
