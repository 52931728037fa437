import { describe, expect, test } from 'vitest';
import { catalogDisagreements } from '../../src/sim/laws/catalog/catalog.ts';
import { startStory, withStatus } from './start-story.ts';

const HOUR = 3_600_000;

describe('I9: a dead owner serves nothing, and one that is back serves again', () => {
  test('services of a dead owner stop passing at the moment its host is known to refuse connections', () => {
    const { world, register, stop, passing, known, runUntil, statusByObserver, everywhere } = startStory(
      'ann bob cat dan',
      {
        seed: 1,
      },
    );
    register('bob', 'web-1');
    runUntil(() => everywhere((label) => passing(label, 'web').length === 1), '5s');
    stop('bob');

    const agree = (): boolean =>
      Object.entries(statusByObserver('bob')).every(
        ([label, status]) =>
          passing(label, 'web').length ===
          (status === 'failed' || world.host(label).runningAgent.view.member('bob')?.refused === true
            ? 0
            : 1),
      );
    for (let i = 0; i < 3000; i++) {
      world.run(10);
      expect(agree()).toBe(true);
    }

    expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan', 'failed'));
    expect(known('ann', 'web')).toEqual(['web-1']);
  });

  test('back after a partition, it passes again at once, though it published nothing new (moby#53141)', () => {
    const { world, register, partition, heal, passing, run, runUntil, member } = startStory(
      'ann bob cat dan',
      {
        seed: 2,
      },
    );
    register('bob', 'web-1');
    run('2s');
    partition(['ann', 'cat', 'dan'], ['bob']);
    run('60s');
    for (const label of ['ann', 'cat', 'dan']) expect(passing(label, 'web')).toEqual([]);

    heal();

    for (const label of ['ann', 'cat', 'dan']) {
      expect(runUntil(() => member(label, 'bob')?.status === 'alive', '90s')).toBe(true);
      expect(passing(label, 'web')).toEqual(['web-1']);
    }
    run('30s');
    expect(catalogDisagreements(world)).toEqual([]);
  });

  test('restarted with its data before the crash was detected, it passes again within two seconds', () => {
    const { register, stop, restart, run, timeUntilEach, passing } = startStory('ann bob cat', { seed: 3 });
    register('bob', 'web-1');
    run('3s');
    stop('bob');
    run('300ms');

    restart('bob', { restore: true });
    const seen = timeUntilEach((label) => passing(label, 'web').length === 1, 30_000);

    expect(seen.size).toBe(3);
    expect(Math.max(...seen.values())).toBeLessThan(2000);
  });
});

test('an owner back without data and without services leaves no entries behind', () => {
  const { world, register, stop, restart, run, timeUntilEach, known } = startStory('ann bob cat dan', {
    seed: 4,
  });
  register('bob', 'web-1');
  run('5s');
  stop('bob');
  run('20s');

  restart('bob');
  const gone = timeUntilEach((label) => known(label, 'web').length === 0, 60_000);

  expect(gone.size).toBe(4);
  expect(Math.max(...gone.values())).toBeLessThan(5000);
  run('90s');
  expect(catalogDisagreements(world)).toEqual([]);
});

test('an owner back with its data, and then with other services, shows exactly those', () => {
  const { world, register, deregister, stop, restart, run, known, everywhere } = startStory(
    'ann bob cat dan',
    {
      seed: 5,
    },
  );
  register('bob', 'web-1');
  register('bob', 'db-1');
  run('5s');
  stop('bob');
  run('20s');

  restart('bob', { restore: true });
  run('3s');
  expect(everywhere((label) => known(label, 'web').length === 1 && known(label, 'db').length === 1)).toBe(
    true,
  );
  deregister('bob', 'web-1');
  register('bob', 'cache-1');
  run('3s');

  expect(everywhere((label) => known(label, 'web').length === 0 && known(label, 'cache').length === 1)).toBe(
    true,
  );
  expect(catalogDisagreements(world)).toEqual([]);
});

describe('an owner whose clock went back while it was down', () => {
  test.each([true, false])('still replaces what it published before (with its data: %s)', (restore) => {
    const { world, register, stop, restart, run, runUntil, known, everywhere } = startStory(
      'ann bob cat dan',
      {
        seed: 6,
      },
    );
    register('bob', 'web-1');
    run('5s');
    stop('bob');
    run('5s');

    restart('bob', { restore, wallClockOffset: -HOUR });
    register('bob', 'db-1');

    expect(runUntil(() => catalogDisagreements(world).length === 0, '30s')).toBe(true);
    const webs = restore ? 1 : 0;
    expect(
      everywhere((label) => known(label, 'db').length === 1 && known(label, 'web').length === webs),
    ).toBe(true);
  });

  // Seed 1025 of the first campaign: members that had seen it leave took its changes for old, and did not notify it.
  test('and which had left before is believed again', () => {
    const { world, register, leave, restart, run, runUntil, known, everywhere } = startStory(
      'ann bob cat dan eve fay',
      {
        seed: 7,
      },
    );
    register('bob', 'web-1');
    run('5s');
    const asked = leave('bob');
    runUntil(() => asked.result !== undefined);
    run('5s');

    restart('bob', { wallClockOffset: -HOUR });
    register('bob', 'db-1');

    expect(runUntil(() => everywhere((label) => known(label, 'db').length === 1), '2s')).toBe(true);
    run('60s');
    expect(catalogDisagreements(world)).toEqual([]);
  });
});

test('a member that leaves takes its services with it, and brings them back if it returns with its data', () => {
  const { world, register, leave, restart, run, runUntil, timeUntilEach, known, passing } = startStory(
    'ann bob cat dan',
    {
      seed: 8,
    },
  );
  register('bob', 'web-1');
  register('cat', 'web-2');
  run('5s');

  const asked = leave('bob');
  const gone = timeUntilEach((label) => label === 'bob' || known(label, 'web').join() === 'web-2', 10_000);
  expect(gone.size).toBe(4);
  expect(Math.max(...gone.values())).toBeLessThan(3000);
  runUntil(() => asked.result !== undefined);
  run('10s');

  restart('bob', { restore: true });
  const back = timeUntilEach((label) => passing(label, 'web').length === 2, 30_000);
  expect(back.size).toBe(4);
  expect(Math.max(...back.values())).toBeLessThan(5000);
  run('60s');
  expect(catalogDisagreements(world)).toEqual([]);
});

test('I8: what was deregistered while a member was away does not come back with it', () => {
  const { world, register, deregister, partition, heal, run, runUntil, known, everywhere } = startStory(
    'ann bob cat dan eve',
    { seed: 9 },
  );
  register('bob', 'web-1');
  run('2s');
  partition(['ann', 'bob', 'cat'], ['dan', 'eve']);
  run('1s');
  deregister('bob', 'web-1');
  run('60s');
  expect(known('dan', 'web')).toEqual(['web-1']);

  heal();

  expect(runUntil(() => everywhere((label) => known(label, 'web').length === 0), '2m')).toBe(true);
  run('3m');
  expect(everywhere((label) => known(label, 'web').length === 0)).toBe(true);
  expect(catalogDisagreements(world)).toEqual([]);
});
