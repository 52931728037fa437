import { describe, expect, test } from 'vitest';
import { catalogDisagreements } from '../../src/sim/laws/catalog/catalog.ts';
import { makeLargeMeta, makeService, makeTtlCheck } from '../../src/sim/workload/definitions.ts';
import { startStory } from './start-story.ts';

const crowd = (size: number): string => Array.from({ length: size }, (_, i) => `n${i}`).join(' ');

test('a service registered with one agent is known to all within a second, and so is its removal', () => {
  const { world, register, deregister, timeUntilEach, passing, run, everywhere } = startStory(
    'ann bob cat dan eve',
    {
      seed: 1,
    },
  );

  register('bob', 'web-1');
  const seen = timeUntilEach((label) => passing(label, 'web').includes('web-1'), 5000);
  expect(seen.size).toBe(5);
  expect(seen.get('bob')).toBe(0);
  expect(Math.max(...seen.values())).toBeLessThan(1000);

  deregister('bob', 'web-1');
  const gone = timeUntilEach((label) => passing(label, 'web').length === 0, 5000);
  expect(gone.size).toBe(5);
  expect(Math.max(...gone.values())).toBeLessThan(1000);
  run('90s');
  expect(everywhere((label) => passing(label, 'web').length === 0)).toBe(true);
  expect(catalogDisagreements(world)).toEqual([]);
});

describe('G3: with a hundred agents', () => {
  const deliveryTimes = (loss: number, seeds: readonly number[], size = 100): number[] =>
    seeds.flatMap((seed) => {
      const story = startStory(crowd(size), { seed, detail: 'facts', bootstrapped: 'byPushPull' });
      const { network } = story.world;
      network.linkQuality = { ...network.linkQuality, loss };
      const { register, setCheck, deregister, passing } = story;
      const times: number[] = [];
      const measure = (act: () => void, holds: (label: string) => boolean): void => {
        act();
        const each = [...story.timeUntilEach(holds, 90_000).values()];
        expect(each).toHaveLength(size);
        times.push(...each);
        story.run('3s');
      };
      measure(
        () => register('n7', 'web-1'),
        (label) => passing(label, 'web').includes('web-1'),
      );
      measure(
        () => setCheck('n7', 'of-web-1', 'critical'),
        (label) => passing(label, 'web').length === 0,
      );
      measure(
        () => setCheck('n7', 'of-web-1', 'passing'),
        (label) => passing(label, 'web').length === 1,
      );
      measure(
        () => deregister('n7', 'web-1'),
        (label) => passing(label, 'web').length === 0,
      );
      return times;
    });
  const at = (times: readonly number[], part: number): number =>
    [...times].sort((a, b) => a - b)[Math.ceil(part * times.length) - 1] as number;

  test('a change is known at half of the agents within 0.8 s, at 99 % within 2 s', () => {
    const times = deliveryTimes(0, [1]);
    expect(at(times, 0.5)).toBeLessThanOrEqual(800);
    expect(at(times, 0.99)).toBeLessThanOrEqual(2000);
  });

  test.each([
    { loss: 0.1, limit: 5000, seeds: [4] },
    { loss: 0.3, limit: 10_000, seeds: [6] },
  ])('with $loss of all packets lost, among fifty, within $limit ms', ({ loss, limit, seeds }) => {
    expect(at(deliveryTimes(loss, seeds, 50), 0.99)).toBeLessThanOrEqual(limit);
  });
});

test('a check that turns critical takes its instance out everywhere, and back in when it passes', () => {
  const { register, setCheck, passing, known, run, everywhere } = startStory('ann bob cat dan', { seed: 2 });
  register('bob', 'web-1');
  register('cat', 'web-2');
  run('2s');
  expect(passing('ann', 'web')).toEqual(['web-1', 'web-2']);

  setCheck('bob', 'of-web-1', 'critical', 'out of order');
  run('2s');
  expect(everywhere((label) => passing(label, 'web').join() === 'web-2')).toBe(true);
  expect(known('dan', 'web')).toEqual(['web-1', 'web-2']);

  setCheck('bob', 'of-web-1', 'warning', 'so so');
  run('2s');
  expect(everywhere((label) => passing(label, 'web').join() === 'web-1,web-2')).toBe(true);
});

test('a TTL check that expires turns critical everywhere', () => {
  const { register, passing, run, everywhere } = startStory('ann bob cat', { seed: 3 });
  register('bob', makeService('web-1'), [makeTtlCheck('alive', 'web-1', { ttl: 10_000 })]);
  run('2s');
  expect(passing('ann', 'web')).toEqual(['web-1']);

  run('10s');

  expect(everywhere((label) => passing(label, 'web').length === 0)).toBe(true);
});

test('a draining instance, and a service or a node in maintenance, are left out of answers meanwhile', () => {
  const { register, drain, setMaintenance, passing, run, instance } = startStory('ann bob cat', { seed: 4 });
  register('bob', 'web-1');
  register('bob', 'db-1');
  register('cat', 'web-2');
  run('2s');
  const web = (): string => passing('ann', 'web').join();

  drain('bob', 'web-1');
  run('2s');
  expect(web()).toBe('web-2');
  expect(instance('ann', 'web-1')?.status).toBe('draining');
  drain('bob', 'web-1', false);
  setMaintenance('cat', true, 'web-2');
  run('2s');
  expect(web()).toBe('web-1');
  setMaintenance('cat', false, 'web-2');
  setMaintenance('bob', true);
  run('2s');
  expect(web()).toBe('web-2');
  expect(passing('ann', 'db')).toEqual([]);
  setMaintenance('bob', false);
  run('2s');
  expect(web()).toBe('web-1,web-2');
  expect(passing('ann', 'db')).toEqual(['db-1']);
});

test('an entry that fits into no packet is announced, and fetched over streams', () => {
  const { world, register, timeUntilEach, passing, instance, run } = startStory(crowd(20), { seed: 5 });
  const big = makeLargeMeta('all of it', 15_000);

  // Without a check: word of a small entry would tell the others that they lack the large one.
  register('n3', makeService('web-1', { meta: big }), []);
  const seen = timeUntilEach((label) => passing(label, 'web').length === 1, 20_000);

  expect(seen.size).toBe(20);
  expect(Math.max(...seen.values())).toBeLessThan(5000);
  for (const { label } of world.hosts) expect(instance(label, 'web-1')?.service.meta).toEqual(big);
  run('60s');
  expect(catalogDisagreements(world)).toEqual([]);
});

test('two hundred registrations at once on one agent are all known everywhere within seconds', () => {
  const { world, register, timeUntilEach, passing, run } = startStory(crowd(12), {
    seed: 6,
    detail: 'facts',
  });

  for (let i = 0; i < 200; i++)
    register('n3', makeService(`job-${i}`, { meta: new Map([['queue', `q${i}`]]) }));
  const seen = timeUntilEach((label) => passing(label, 'job').length === 200, 60_000);

  expect(seen.size).toBe(12);
  expect(Math.max(...seen.values())).toBeLessThan(10_000);
  run('20s');
  expect(catalogDisagreements(world)).toEqual([]);
});

test('I12: while all members change their tags without pause, a registration still spreads', () => {
  const { world, register, timeUntilEach, passing, run } = startStory(crowd(20), {
    seed: 7,
    detail: 'facts',
    bootstrapped: 'byPushPull',
  });
  const churn = (): void => {
    for (const { label, running } of world.hosts)
      if (running)
        world.command(label, { kind: 'setTags', set: new Map([['load', `${world.now}`]]), remove: [] });
    world.schedule(world.now + 400, churn);
  };
  world.schedule(world.now, churn);
  run('5s');

  register('n3', 'web-1');
  const seen = timeUntilEach((label) => passing(label, 'web').length === 1, 30_000);

  expect(seen.size).toBe(20);
  expect(Math.max(...seen.values())).toBeLessThan(5000);
});
