import { describe, expect, test } from 'vitest';
import { disagreements } from '../../src/sim/laws/index.ts';
import { startStory } from './start-story.ts';

describe.each([1, 2, 3, 4, 5])('seed %i', (seed) => {
  test('conformance: paused for 3 s in a cluster of four: suspected, then refuted, never failed', () => {
    const { pause, run, facts, member } = startStory('ann bob cat dan', { seed });

    pause('bob', '3s');
    run('60s');

    expect(facts('memberSuspected').filter(({ node }) => node === 'bob').length).toBeGreaterThan(0);
    expect(facts('suspicionRefuted', 'bob').length).toBeGreaterThan(0);
    expect(facts('memberDeclaredDead')).toEqual([]);
    for (const observer of ['ann', 'cat', 'dan']) expect(member(observer, 'bob')?.status).toBe('alive');
  });

  test('G13: after a long pause it accuses nobody, and is alive everywhere again within 10 s', () => {
    const { world, pause, resume, run, runUntil, facts } = startStory('ann bob cat dan eve', { seed });
    pause('bob');
    run('60s');
    expect(facts('memberFailed').map(({ node }) => node)).toEqual(['bob', 'bob', 'bob', 'bob']);
    const began = world.now;

    resume('bob');

    expect(runUntil(() => disagreements(world).length === 0)).toBe(true);
    expect(world.now - began).toBeLessThan(10_000);
    expect(facts('memberDeclaredDead', 'bob')).toEqual([]);
  });
});

test.each([1, 2, 3, 4, 5, 6])(
  'G13: a process that was paused reports it, and accuses nobody in its first two rounds (seed %i)',
  (seed) => {
    const { pause, resume, stop, run, facts } = startStory('ann bob cat', { seed });
    pause('bob');
    run('5s');
    for (const other of ['ann', 'cat']) stop(other, { powerOff: true });
    run('1s');

    resume('bob');
    run('1900ms');

    expect(facts('stalled', 'bob')).toHaveLength(1);
    expect(facts('memberSuspected', 'bob')).toEqual([]);
    run('60s');
    expect(facts('memberSuspected', 'bob')).not.toEqual([]);
  },
);

test('G6: a member that stalls again and again makes no other fail', () => {
  const names = Array.from({ length: 16 }, (_, i) => `n${i}`).join(' ');
  const { pause, run, facts } = startStory(names, { seed: 40, detail: 'facts' });

  for (let round = 0; round < 30; round++) {
    pause('n3', `${200 + 400 * (round % 12)}ms`);
    run('7s');
  }

  expect(facts('memberFailed').filter(({ node }) => node !== 'n3')).toEqual([]);
});
