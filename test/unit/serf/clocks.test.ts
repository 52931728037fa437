/** K1: a clock that was led astray goes back to what the members show, and a leap is believed of two of them. */
import { describe, expect, test } from 'vitest';
import { MAX_AHEAD, MAX_ASTRAY } from '../../../src/serf/lamport.ts';
import type { SerfEffect } from '../../../src/serf/types.ts';
import { one, SELF } from './one.ts';

const members = ['bob', 'cat', 'dan', 'eve'];
const asked = (out: SerfEffect[]): number => out.filter(({ kind }) => kind === 'pushPull').length;
const showing = (next: number) => ({ ltime: next, eventLTime: next, queryLTime: next });
const all = (next: number) => ({ member: next, event: next, query: next });
const led = () => {
  const ann = one({ members });
  for (let i = 1; i <= 60; i++) {
    ann.event('z', i * 16_000);
    ann.joinIntent('bob', i * 16_000);
    ann.query(i, i * 16_000);
  }
  expect(ann.serf.clocks).toEqual(all(960_001));
  return ann;
};

describe('a clock that was led astray', () => {
  test('makes us ask three members, once in 5 s', () => {
    expect(asked(led().out)).toBe(3);
  });

  test('goes back when two show less, and what came meanwhile is forgotten', () => {
    const ann = led();
    ann.merge(showing(20), false, '127.0.0.2');
    expect(ann.serf.clocks).toEqual(all(960_001));
    ann.merge(showing(30), false, '127.0.0.3');
    expect(ann.serf.clocks).toEqual(all(30));
    expect(ann.facts()).toContainEqual({ kind: 'lamportClockSet', clock: 'member', from: 960_001, to: 30 });
    const before = ann.serf.recentEvents.length;
    ann.event('deploy', 30);
    ann.event('deploy', 16_000 % 512);
    expect(ann.serf.recentEvents.length).toBe(before + 2);
    expect(ann.state().statusLTimes.get('bob')).toBe(29);
    ann.leaveIntent('bob', 31);
    expect(ann.status('bob')).toBe('leaving');
  });

  const back = (ann: ReturnType<typeof one>): void => {
    for (const host of ['127.0.0.2', '127.0.0.3']) ann.merge(showing(30), false, host);
    expect(ann.serf.clocks.event).toBe(30);
  };

  test('refutes a false leave again, since its refutation had a time that others refused (seed 740345)', () => {
    const ann = led();
    ann.leaveIntent(SELF, 960_001);
    expect(ann.takeMessages()).toContainEqual({ kind: 'joinIntent', ltime: 960_002, node: SELF });
    back(ann);
    expect(ann.takeMessages()).toEqual([{ kind: 'joinIntent', ltime: 30, node: SELF }]);
    expect(ann.seen(SELF)).toEqual({ status: 'alive', ltime: 30 });
  });

  test('announces its leave again for the same reason', () => {
    const ann = led();
    ann.serf.leave(0, ann.out);
    ann.takeMessages();
    back(ann);
    expect(ann.takeMessages()).toEqual([{ kind: 'leaveIntent', ltime: 30, node: SELF, prune: false }]);
  });

  test('says nothing again that it said before', () => {
    const ann = led();
    ann.takeMessages();
    back(ann);
    expect(ann.takeMessages()).toEqual([]);
  });

  test.each([
    ['one host, twice', ['127.0.0.2', '127.0.0.2']],
    ['whoever dialed us', [undefined, undefined]],
  ])('does not go back over %s', (_, hosts) => {
    const ann = led();
    for (const host of hosts) ann.merge(showing(20), false, host);
    expect(ann.serf.clocks).toEqual(all(960_001));
  });

  test('does not go back over two liars among four who show it', () => {
    const ann = led();
    ann.merge(showing(960_001), false, '127.0.0.2');
    ann.merge(showing(960_000), false, '127.0.0.3');
    for (const liar of ['127.0.0.4', '127.0.0.5']) ann.merge(showing(1), false, liar);
    expect(ann.serf.clocks).toEqual(all(960_001));
  });

  test('does not go back for what was just under way', () => {
    const ann = led();
    for (const host of ['127.0.0.2', '127.0.0.3']) ann.merge(showing(960_001 - MAX_ASTRAY), false, host);
    expect(ann.serf.clocks).toEqual(all(960_001));
  });

  test('of a cluster of two goes back at the word of the other', () => {
    const ann = one({ members: ['bob'] });
    ann.event('z', 900_000);
    ann.merge(showing(20), false, '127.0.0.2');
    expect(ann.serf.clocks.event).toBe(20);
  });
});

describe('a leap beyond what others may do', () => {
  const far = 2 * MAX_AHEAD;

  test('is refused of a message, and three members are asked', () => {
    const ann = one({ members });
    ann.event('z', far);
    expect([ann.serf.clocks.event, asked(ann.out)]).toEqual([1, 3]);
  });

  test('is taken when two members show it, and no further than both do', () => {
    const ann = one({ members });
    ann.merge(showing(2 ** 52), false, '127.0.0.9');
    expect(ann.serf.clocks).toEqual(all(1));
    ann.merge(showing(far), false, '127.0.0.2');
    expect(ann.serf.clocks).toEqual(all(far));
  });

  test('is not taken of who dials us', () => {
    const ann = one({ members });
    for (let i = 0; i < 5; i++) ann.merge(showing(far));
    expect(ann.serf.clocks).toEqual(all(1));
    expect(ann.status(SELF)).toBe('alive');
  });
});
