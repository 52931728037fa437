/** What an agent that has just started tells readers: nothing known is no answer (W1, F7 of issue 12; law I20). */
import { describe, expect, test } from 'vitest';
import type { View } from '../../src/agent/contract/view.ts';
import { createResponder } from '../../src/dns/responder.ts';
import type { RestartOptions, Story } from '../../src/sim/scenarios/story.ts';
import { queryBytes } from '../unit/dns/fixture.ts';
import { startStory } from './start-story.ts';

const ALL = { disk: false, hasSeeds: true };
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN'];

/** The RCODE that the agent's DNS server has for a name now. */
function rcodeOf(view: View, name: string): string {
  const zone = { domain: 'consul.', datacenter: 'dc1', nodeTtlSeconds: 0, serial: () => 1 };
  const responder = createResponder({ ...zone, listen: { host: '127.0.0.1', port: 0 }, view });
  const origin = { transport: 'udp', spoofable: false, trusted: true, loopback: true } as const;
  const response = responder.respond(queryBytes(name, 'A'), origin, 'answer');
  responder.close();
  if (!(response instanceof Buffer)) throw new Error('no answer at once');
  return RCODES[(response[3] as number) & 15] ?? 'other';
}

/** Restarts the host and looks at every millisecond until `end`: when it first was ready, and what it said at each. */
function watchStart(
  { world, restart, run }: Story,
  label: string,
  end: number,
  options: RestartOptions = {},
) {
  const started = world.now;
  let wasReady: boolean | undefined;
  let readyAfter: number | undefined;
  const said = new Set<string>();
  restart(label, options);
  while (world.now - started < end) {
    const { view } = world.host(label).runningAgent;
    const { ready } = view.readiness();
    if (ready) readyAfter ??= world.now - started;
    if (wasReady === false && ready)
      expect(view.indexOf(['readiness']), 'parked queries are woken').toBeGreaterThan(1);
    wasReady = ready;
    said.add(`${ready ? 'ready' : 'waits'}: ${rcodeOf(view, 'web.service.consul')}`);
    run('1ms');
  }
  return { readyAfter, said: [...said] };
}

describe('in the first second no reader is told "none" of a service that a peer knows', () => {
  test.each([1, 2, 3, 4, 5, 6])('the peer is the owner, or knows of it only (seed %d)', (seed) => {
    const story = startStory('ann bob cat', { seed, all: ALL });
    story.register(seed % 2 === 0 ? 'ann' : 'cat', 'web-1');
    story.run('3s');
    story.stop('bob');
    story.run('500ms');
    const { readyAfter, said } = watchStart(story, 'bob', 1000);
    expect(said).toEqual(['waits: SERVFAIL', 'ready: NOERROR']);
    expect(readyAfter).toBeLessThan(1000);
    expect(story.lawChecker.judgments.I20).toBe(1);
  });
});

test.each([21, 22, 23])('the owner is suspected by all whom the newcomer can ask (seed %d)', (seed) => {
  const story = startStory('ann bob cat', { seed, all: ALL });
  story.register('cat', 'web-1');
  story.run('3s');
  story.stop('bob');
  story.cut('cat', '*');
  expect(story.runUntil(() => story.member('ann', 'cat')?.status === 'suspect', '20s')).toBe(true);
  const { said } = watchStart(story, 'bob', 1000);
  expect(said).toEqual(['waits: SERVFAIL', 'ready: NOERROR']);
  expect(story.member('bob', 'cat')?.status).toBe('suspect');
  story.heal();
  expect(story.runUntil(() => story.member('bob', 'cat')?.status === 'alive', '20s')).toBe(true);
  expect(story.lawChecker.judgments.I20).toBe(1);
});

test.each([31, 32, 33])(
  'the only peer remembers services of members that it has not met itself (seed %d)',
  (seed) => {
    const story = startStory('ann bob cat', { seed, all: { hasSeeds: true }, hosts: { bob: ALL } });
    story.register('cat', 'web-1');
    story.run('40s');
    for (const name of ['ann', 'bob', 'cat']) story.stop(name);
    story.run('1s');
    story.restart('ann', { restore: true });
    story.run('50ms');
    const { said } = watchStart(story, 'bob', 400);
    expect(said).toEqual(['waits: SERVFAIL']);
    story.restart('cat', { restore: true });
    const rcode = (): string => rcodeOf(story.world.host('bob').runningAgent.view, 'web.service.consul');
    expect(story.runUntil(() => rcode() !== 'SERVFAIL', '4s')).toBe(true);
    expect(rcode()).toBe('NOERROR');
  },
);

test('nobody answers: ready when patience is over, and that is reported once', () => {
  const story = startStory('ann bob', { seed: 8, all: ALL });
  story.register('ann', 'web-1');
  story.run('3s');
  story.pause('ann');
  story.stop('bob');
  const { readyAfter, said } = watchStart(story, 'bob', 6000);
  expect(readyAfter).toBe(5000);
  expect(said).toEqual(['waits: SERVFAIL', 'ready: NXDOMAIN']);
  expect(story.facts('firstSyncMissed', 'bob')).toHaveLength(1);
});

test('nobody to wait for: an agent without seeds and without a past is ready at once', () => {
  const story = startStory('ann', { seed: 9, all: { disk: false }, bootstrapped: false });
  expect(watchStart(story, 'ann', 100, { noJoin: true })).toEqual({
    readyAfter: 0,
    said: ['ready: NXDOMAIN'],
  });
});

test('members of the last run are waited for without a seed too; what was saved of them is answered meanwhile', () => {
  const story = startStory('ann bob', { seed: 10 });
  story.register('ann', 'web-1');
  story.run('40s');
  story.stop('ann');
  story.stop('bob');
  story.run('2s');
  const stoppedAt = story.world.now;
  expect(watchStart(story, 'bob', 6000, { noJoin: true, restore: true }).said).toEqual([
    'waits: NOERROR',
    'ready: NOERROR',
  ]);
  const { view } = story.world.host('bob').runningAgent;
  expect(rcodeOf(view, 'other.service.consul')).toBe('NXDOMAIN');
  expect(view.restoredAt()).toBeLessThan(stoppedAt);

  story.stop('bob');
  const known = (): string => rcodeOf(story.world.host('bob').runningAgent.view, 'other.service.consul');
  story.restart('bob', { noJoin: true, restore: true });
  expect(known()).toBe('SERVFAIL');
  story.restart('ann', { noJoin: true, restore: true });
  story.join('bob', 'ann');
  story.run('2s');
  expect(known()).toBe('NXDOMAIN');
  expect(story.world.host('bob').runningAgent.view.restoredAt(), 'confirmed').toBeUndefined();
});

test('beside Serf agents alone there is no catalog to wait for', () => {
  const story = startStory('ann bob', {
    seed: 11,
    all: ALL,
    hosts: { ann: { serfPeer: true } },
    bootstrapped: false,
  });
  story.restart('ann');
  story.run('1s');
  const { readyAfter } = watchStart(story, 'bob', 2000);
  expect(readyAfter).toBeLessThan(1000);
});
