import { describe, expect, test } from 'vitest';
import { Actor, dead, left, suspect } from './helpers.ts';

const quiet = { probeInterval: 1e9 }; // no probes disturb these stories

test('nothing is due before the start', () => {
  expect(new Actor('ann').knowing('bob').swim.deadline).toBe(Number.POSITIVE_INFINITY);
});

test('gossip starts within an interval, and then goes to three different members per interval', () => {
  const ann = new Actor('ann', quiet).knowing('bob', 'cat', 'dan', 'eve', 'fay').start();
  ann.take();
  ann.until('gossip');
  expect(ann.now).toBeLessThan(200);
  ann.take();
  for (let round = 0; round < 20; round++) {
    ann.pass(200);
    const peers = ann
      .take()
      .flatMap((effect) => (effect.kind === 'gossip' ? [effect.peer.identity.name] : []));
    expect(new Set(peers).size).toBe(3);
    expect(peers).not.toContain('ann');
  }
});

test('suspects receive gossip, recently dead members do so that they can refute, members that left do not', () => {
  const ann = new Actor('ann', quiet).knowing('bob', 'cat', 'dan').start();
  ann.receive(suspect('bob', 'x')).receive(dead('cat', 'x')).receive(left('dan'));
  const peersOf = (millis: number): string[] => {
    ann.take();
    ann.pass(millis);
    const peers = ann
      .take()
      .flatMap((effect) => (effect.kind === 'gossip' ? [effect.peer.identity.name] : []));
    return [...new Set(peers)].sort();
  };
  expect(peersOf(29_000)).toEqual(['bob', 'cat']);
  ann.pass(1200);
  expect(peersOf(1000)).toEqual(['bob']);
});

describe('push/pulls', () => {
  const syncs = (others: number, minutes: number): number => {
    const names = Array.from({ length: others }, (_, i) => `m${i}`);
    const ann = new Actor('ann', { ...quiet, gossipInterval: 1e9 }).knowing(...names).start();
    ann.pass(minutes * 60_000);
    return ann.take().filter(({ kind }) => kind === 'pushPull').length;
  };

  test('happen with one member each 30 s, and less often in larger clusters', () => {
    expect(syncs(5, 60)).toBe(120);
    expect(syncs(31, 60)).toBe(120);
    expect(syncs(32, 60)).toBe(60);
    expect(syncs(64, 60)).toBe(40);
  });

  test('only with members that are alive', () => {
    const ann = new Actor('ann', quiet).knowing('bob', 'cat', 'dan').start();
    ann.receive(suspect('bob', 'x')).receive(dead('cat', 'x'));
    ann.take();
    ann.pass(20_000);
    const peers = ann
      .take()
      .flatMap((effect) => (effect.kind === 'pushPull' ? [effect.peer.identity.name] : []));
    expect(peers.every((peer) => peer === 'dan')).toBe(true);
    expect(ann.until('pushPull').peer.identity.name).toBe('dan');
  });
});

test('a tick too many, or too early, does nothing', () => {
  const ann = new Actor('ann').knowing('bob').start();
  ann.pass(500);
  ann.take();
  const { deadline } = ann.swim;
  for (let i = 0; i < 3; i++) ann.do((swim, now, out) => swim.tick(now, out));
  expect(ann.take()).toEqual([]);
  expect(ann.swim.deadline).toBe(deadline);
});

test('missed intervals are skipped, and the deadline is in the future', () => {
  const ann = new Actor('ann', quiet).knowing('bob').start();
  ann.now = 10_000;
  ann.take();
  ann.do((swim, now, out) => swim.tick(now, out));
  expect(ann.take().filter(({ kind }) => kind === 'gossip').length).toBe(1);
  expect(ann.swim.deadline).toBeGreaterThan(10_000);
});

test('the same seed and inputs give the same effects in the same order', () => {
  const run = (): string => {
    const ann = new Actor('ann', {}, { seed: 11 }).knowing('bob', 'cat', 'dan', 'eve', 'fay').start();
    ann.receive(suspect('cat', 'dan')).pass(40_000);
    return JSON.stringify(ann.take());
  };
  expect(run()).toBe(run());
});
