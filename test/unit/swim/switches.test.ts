/** What can be switched off, so that what it buys can be measured: each test stands beside the one that has it on. */
import { expect, test } from 'vitest';
import { Actor, suspect } from './helpers.ts';

const others = ['bob', 'cat', 'dan', 'eve'] as const;

test.each([true, false])('buddy %s: does a probe of a suspect carry the accusation?', (buddy) => {
  const ann = new Actor('ann', { buddy }).knowing('bob').start();
  ann.drainBroadcasts();
  ann.receive(suspect('bob', 'x')).take();
  const ping = ann.untilPing();
  expect(ping.compoundWith).toEqual(buddy ? suspect('bob', 'ann') : undefined);
  expect(ping.piggyback).toBe(!buddy); // its room is gossip's then
});

test.each([true, false])('last call %s: is a suspect verified before it is declared dead?', (lastCall) => {
  const ann = new Actor('ann', { lastCall }).knowing(...others).receive(suspect('bob', 'cat'));
  ann.take();
  ann.pass(23_999);
  const asked = ann.take().map(({ kind }) => kind);
  expect(asked).toEqual(lastCall ? ['send', 'streamPing', 'send'] : []);
  expect(ann.state('bob')).toBe('suspect');
  ann.pass(1);
  expect(ann.state('bob')).toBe('dead');
});

test.each([true, false])('stall guard %s: a stalled probe accuses nobody', (stallGuard) => {
  const ann = new Actor('ann', { stallGuard, gossipInterval: 1e7, pushPullInterval: 1e8 });
  ann.knowing('bob').start().untilPing();
  ann.take();
  const lateness = 5000 - (ann.swim.deadline - ann.now);
  ann.now += 5000;
  ann.do((swim, now, out) => swim.onStall(lateness, now, out));
  ann.pass(600);
  expect(ann.facts().some(({ kind }) => kind === 'stalled')).toBe(stallGuard);
  expect(ann.state('bob')).toBe(stallGuard ? 'alive' : 'suspect');
});
