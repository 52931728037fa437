/** Faults of one machine: suspended and starved processes, clocks, disks. */
import { describe, expect, test } from 'vitest';
import { injectFault } from '../../src/sim/faults/index.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { makeService } from '../../src/sim/workload/definitions.ts';
import { startStory } from './start-story.ts';

const five = 'ann bob cat dan eve';
const sixteen = Array.from({ length: 16 }, (_, i) => `n${i}`);
const TEN_YEARS = 10 * 365 * 86_400_000;
const MINUTES = 60_000;

describe('G6: four of sixteen members stall, and no other is declared dead', () => {
  const ill = sixteen.slice(0, 4);
  const others = (node: string): boolean => !ill.includes(node);

  test.each([1])('suspended again and again, for 0.1 to 20 s (seed %i)', (seed) => {
    const { world, run, runUntil, facts } = startStory(sixteen.join(' '), {
      seed,
      detail: 'facts',
      bootstrapped: 'byPushPull',
    });

    injectFault(world, { at: 0, span: 3 * MINUTES, kind: 'repeatedStalls', hosts: ill, seed });
    run('3m');

    expect(facts('memberDeclaredDead').filter(({ node }) => others(node))).toEqual([]);
    expect(facts('stalled').length).toBeGreaterThan(10);
    expect(runUntil(() => disagreements(world).length === 0, '30s')).toBe(true);
  });

  test.each([
    { block: 50, duty: 0.01 },
    { block: 500, duty: 0.2 },
    { block: 2000, duty: 0.5 },
  ])('an event loop that is blocked for $block ms at a time, $duty of all time', ({ block, duty }) => {
    const { world, run, runUntil, facts } = startStory(sixteen.join(' '), {
      seed: block,
      detail: 'facts',
      bootstrapped: 'byPushPull',
    });

    injectFault(world, { at: 0, span: 2 * MINUTES, kind: 'busyLoop', hosts: ill, block, duty });
    run('3m');

    expect(facts('memberDeclaredDead')).toEqual([]);
    expect(runUntil(() => disagreements(world).length === 0, '30s')).toBe(true);
  });
});

test('G13: suspended for twelve hours, it accuses nobody and is alive everywhere within 10 s', () => {
  const { world, pause, resume, run, runUntil, facts } = startStory('ann bob cat', {
    seed: 12,
    detail: 'facts',
  });
  pause('bob');
  run('12h');
  const blamed = facts('memberSuspected', 'bob').length;

  resume('bob');

  expect(runUntil(() => disagreements(world).length === 0, '10s')).toBe(true);
  expect(facts('memberSuspected', 'bob')).toHaveLength(blamed);
  expect(facts('memberDeclaredDead', 'bob')).toEqual([]);
});

describe('I16, G14: wall clocks', () => {
  test('jumps of ten years while agents run change neither bytes nor times of sending', () => {
    const hash = (jump: number): string => {
      const { world, stop, run, setTags } = startStory(five, { seed: 15, linkQuality: { loss: 0.05 } });
      for (const host of world.hosts) {
        world.schedule(world.now + 1000, () => {
          host.wallClockOffset = jump;
        });
        world.schedule(world.now + 40_000, () => {
          host.wallClockOffset = -jump;
        });
      }
      setTags('ann', { role: 'x' });
      run('30s');
      stop('bob');
      run('1m');
      return world.trace.hash;
    };
    expect(hash(TEN_YEARS)).toBe(hash(0));
  });

  test.each([TEN_YEARS, -TEN_YEARS])(
    'restarted with a clock off by %i ms: alive everywhere as before',
    (wallClockOffset) => {
      for (const restore of [true, false]) {
        const { stop, restart, run, runUntil, world, register, everywhere, passing } = startStory(five, {
          seed: 14,
          detail: 'facts',
        });
        // Without a TTL check, which would expire while the agent is down.
        register('bob', makeService('web-1'), []);
        run('10s');
        stop('bob');
        run('20s');
        restart('bob', { restore, wallClockOffset });

        expect(runUntil(() => disagreements(world).length === 0, '5s')).toBe(true);
        const due = restore ? ['web-1'] : [];
        expect(
          runUntil(() => everywhere((label) => passing(label, 'web').join() === due.join()), '45s'),
        ).toBe(true);
        register('bob', 'web-2');
        expect(runUntil(() => everywhere((label) => passing(label, 'web').includes('web-2')), '45s')).toBe(
          true,
        );
      }
    },
  );

  test('clocks that drift by 500 ppm in either direction cause no suspicion', () => {
    const { world, run, facts } = startStory('ann bob cat dan', {
      seed: 16,
      detail: 'facts',
      hosts: { ann: { driftPpm: 500 }, bob: { driftPpm: -500 } },
    });

    run('10m');

    expect(facts('memberSuspected')).toEqual([]);
    expect(disagreements(world)).toEqual([]);
  });
});

describe('G15: disks', () => {
  test.each(['refuses', 'torn', 'lost'] as const)(
    'a disk that is %s: the agent starts with what it finds, and its incarnation does not fall (I3)',
    (how) => {
      const { world, setTags, register, run, runUntil, member } = startStory(five, {
        seed: 17,
        detail: 'facts',
      });
      register('bob', 'web-1');
      for (let i = 0; i < 4; i++) setTags('bob', { round: `${i}` });
      run('5s');

      injectFault(world, { at: 0, span: MINUTES, kind: 'disk', host: 'bob', how, writes: 3 });
      for (let i = 4; i < 9; i++) {
        setTags('bob', { round: `${i}` });
        run('3s');
      }
      const before = member('ann', 'bob')?.incarnation ?? 0;
      run('50s');

      expect(world.host('bob').bootCount).toBe(2);
      expect(runUntil(() => disagreements(world).length === 0, '30s')).toBe(true);
      expect(member('ann', 'bob')?.incarnation).toBeGreaterThan(before);
      expect([...world.host('bob').runningAgent.view.local.services().keys()]).toEqual(
        how === 'lost' ? [] : ['web-1'],
      );
    },
  );
});
