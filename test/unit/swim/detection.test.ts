import { expect, test } from 'vitest';
import { Network } from './network.ts';

const FIVE = 'ann bob cat dan eve';
const all = (state: string | undefined, ...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, state]));

test('five members that join one another stay alive, and gossip ends when all broadcasts are sent', () => {
  const net = new Network(FIVE);
  net.pass(60_000);
  for (const [name] of net.swims)
    for (const state of Object.values(net.seenAs(name))) expect(state).toBe('alive');
  for (const swim of net.swims.values()) expect([swim.broadcasts.size, swim.awareness]).toEqual([0, 0]);
  expect(net.facts('memberSuspected')).toEqual([]);
});

test("a member that stops is suspected, then dead on all members, within Lifeguard's time", () => {
  for (let seed = 0; seed < 20; seed++) {
    const net = new Network(FIVE, {}, seed);
    net.pass(5000);
    net.stop('bob');
    const stopped = net.now;
    net.pass(15_000);
    expect(net.seenAs('bob')).toEqual(all('dead', 'ann', 'cat', 'dan', 'eve'));
    const first = net.facts('memberSuspected')[0];
    expect(first?.fact.node).toBe('bob');
    expect((first?.at ?? 0) - stopped).toBeLessThan(6500);
    expect(net.facts('memberDeclaredDead').every(({ fact }) => fact.node === 'bob')).toBe(true);
  }
});

test('a member whose direct link is cut stays alive by indirect probes', () => {
  const net = new Network(FIVE);
  net.cut('ann', 'bob', true);
  net.pass(60_000);
  expect(net.facts('memberSuspected')).toEqual([]);
});

test('members that are reached by streams only stay alive', () => {
  const net = new Network('ann bob');
  net.cut('ann', 'bob');
  net.pass(60_000);
  expect(net.facts('memberSuspected')).toEqual([]);
  expect(net.facts('probeSavedByTcp').length).toBeGreaterThan(50);
});

test('a member cut off entirely is dead on all members, returns when the cut heals, and all agree', () => {
  const net = new Network(FIVE);
  net.pass(3000);
  for (const other of ['ann', 'cat', 'dan', 'eve']) net.cut('bob', other, true);
  net.pass(20_000);
  expect(net.seenAs('bob')).toEqual(all('dead', 'ann', 'cat', 'dan', 'eve'));
  net.heal();
  net.sync('bob', 'ann'); // Serf dials failed members again
  net.pass(10_000);
  for (const [name] of net.swims)
    for (const state of Object.values(net.seenAs(name))) expect(state).toBe('alive');
});

test('a partition longer than rows are kept heals by one push/pull', () => {
  const net = new Network('ann bob cat dan eve fay');
  net.pass(3000);
  for (const west of ['ann', 'bob', 'cat'])
    for (const east of ['dan', 'eve', 'fay']) net.cut(west, east, true);
  net.pass(120_000);
  expect(net.get('ann').members.size).toBe(3);
  net.heal();
  net.sync('ann', 'dan');
  net.pass(10_000);
  for (const swim of net.swims.values()) expect([swim.members.size, swim.members.upCount]).toEqual([6, 6]);
});

test('a member that leaves is left on all members, and nobody suspects it', () => {
  const net = new Network(FIVE);
  net.pass(3000);
  net.get('bob').leave(net.now, []);
  net.pass(2000);
  net.stop('bob');
  net.pass(20_000);
  expect(net.seenAs('bob')).toEqual(all('left', 'ann', 'cat', 'dan', 'eve'));
  expect(net.facts('memberSuspected')).toEqual([]);
});

test('a member that restarts at incarnation 1 after a crash outbids the accusation', () => {
  const net = new Network(FIVE);
  net.pass(3000);
  net.stop('bob');
  net.pass(15_000);
  net.boot('bob');
  net.sync('bob', 'ann');
  net.pass(3000);
  expect(net.seenAs('bob')).toEqual(all('alive', 'ann', 'cat', 'dan', 'eve'));
  expect(net.get('bob').incarnation).toBeGreaterThan(1);
});

test('with 10 % packet loss nobody is declared dead in ten minutes', () => {
  const net = new Network('ann bob cat dan eve fay gus hal');
  net.loss = 0.1;
  net.pass(600_000);
  expect(net.facts('memberDeclaredDead')).toEqual([]);
});

test('a member whose packets do not arrive accuses late, and is the only one declared dead', () => {
  const net = new Network('ann bob cat dan eve fay gus hal');
  net.pass(3000);
  net.get('ann');
  for (const other of ['bob', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal']) net.cut('ann', other, true);
  net.pass(30_000);
  const verdicts = net.facts('memberDeclaredDead').filter(({ who }) => who !== 'ann');
  expect(new Set(verdicts.map(({ fact }) => fact.node))).toEqual(new Set(['ann']));
  expect(net.get('ann').awareness).toBe(7);
});
