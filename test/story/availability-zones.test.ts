/** Agents in availability zones: each plans for the readers in its own, as crashes and returns reach it. */
import { expect, test } from 'vitest';
import type { ZonePlan } from '../../src/locality/zone-planner.ts';
import { startStory } from './start-story.ts';

const ZONES = { ann: 'a', ana: 'a', bob: 'b', bea: 'b', cat: 'c', zoe: '' };
const NAMES = Object.keys(ZONES).join(' ');

function startZones(seed: number) {
  const hosts = Object.fromEntries(
    Object.entries(ZONES).map(([name, zone]) => [name, zone === '' ? {} : { tags: { zone } }]),
  );
  const story = startStory(NAMES, { seed, hosts });
  const register = (host: string): void =>
    void story.world.command(host, {
      kind: 'registerService',
      service: {
        ...{ id: `web-${host}`, name: 'Web', port: 80, address: '', tags: [], ports: [] },
        ...{ taggedAddresses: new Map(), enableTagOverride: false, meta: new Map() },
        weights: { passing: 1, warning: 1 },
      },
      ...{ checks: [], replaceChecks: true },
    });
  const plan = (host: string): ZonePlan | undefined =>
    story.world.host(host).runningAgent.view.zones.plan('web');
  const shares = (host: string): Record<string, number> =>
    Object.fromEntries((plan(host)?.zones ?? []).map(({ zone, share }) => [zone, Math.round(share * 100)]));
  return { ...story, register, plan, shares };
}

test.each([1, 2])('each agent prefers its own zone, and follows what dies and returns (seed %d)', (seed) => {
  const { world, register, plan, shares, run, runUntil, stop } = startZones(seed);
  for (const host of ['ann', 'ana', 'bob', 'bea']) register(host);
  expect(runUntil(() => Object.keys(shares('ann')).length === 2 && shares('bob')['b'] === 100)).toBe(true);
  run('2s');
  expect(shares('ann')).toMatchObject({ a: 100, b: 0 });
  expect(shares('bea')).toMatchObject({ a: 0, b: 100 });
  expect(Object.values(shares('cat')).reduce((sum, share) => sum + share, 0)).toBe(100);
  expect(plan('zoe'), 'an agent without a zone').toBeUndefined();

  const { view } = world.host('ann').runningAgent;
  const before = view.indexOf(['service:web']);
  expect(view.zones.plan('web')).toBe(view.zones.plan('WEB'));
  run('1m');
  expect(view.indexOf(['service:web']), 'nothing changes by itself').toBe(before);

  stop('bob', { powerOff: true });
  stop('bea', { powerOff: true });
  expect(runUntil(() => shares('cat')['a'] === 100)).toBe(true);
  expect(shares('ann')).toMatchObject({ a: 100, b: 0 });

  world.start('bob');
  world.start('bea');
  register('bob');
  register('bea');
  expect(runUntil(() => shares('bob')['b'] === 100)).toBe(true); // these agents have missed nothing
});

test('traffic returns to a zone after a while, without an input, and readers are told', () => {
  const { world, register, shares, run, runUntil } = startZones(3);
  for (const host of ['ann', 'bob']) register(host);
  expect(runUntil(() => shares('ana')['a'] === 100 && 'b' in shares('ana'))).toBe(true);
  world.command('ann', { kind: 'deregisterService', id: 'web-ann' });
  expect(runUntil(() => shares('ana')['b'] === 100)).toBe(true);
  register('ann');
  run('2s');
  expect(shares('ana')).toMatchObject({ a: 0, b: 100 });
  const { view } = world.host('ana').runningAgent;
  const before = view.indexOf(['service:web']);
  run('31s');
  expect(shares('ana')).toMatchObject({ a: 100, b: 0 });
  expect(view.indexOf(['service:web'])).toBeGreaterThan(before);
});

test('an agent that moves to another zone plans for that one', () => {
  const { world, register, shares, runUntil, plan } = startZones(4);
  for (const host of ['ann', 'bob']) register(host);
  expect(runUntil(() => shares('ana')['a'] === 100 && 'b' in shares('ana'))).toBe(true);
  world.command('ana', { kind: 'setTags', set: new Map([['zone', 'b']]), remove: [] });
  expect(runUntil(() => shares('ana')['b'] === 100)).toBe(true);
  world.command('ana', { kind: 'setTags', set: new Map(), remove: ['zone'] });
  expect(runUntil(() => plan('ana') === undefined)).toBe(true);
});
