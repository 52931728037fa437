/** Restarts of many agents: one after the other, and all at once; also in clusters of which half are Serf peers. */
import { describe, expect, test } from 'vitest';
import { injectFault } from '../../src/sim/faults/index.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { simulateRejoinPolicy } from '../../src/sim/world/bootstrap.ts';
import type { SimHostOptions } from '../../src/sim/world/host.ts';
import { startStory } from './start-story.ts';

/** Enough hosts that a part of them can keep its data. */
const twelve = Array.from({ length: 12 }, (_, i) => `n${i}`);
const twenty = Array.from({ length: 20 }, (_, i) => `n${i}`);
/** Every second host runs a Serf peer. */
const mixed: Record<string, SimHostOptions> = Object.fromEntries(
  twenty.filter((_, i) => i % 2 === 1).map((label) => [label, { serfPeer: true }]),
);

describe.each([
  { who: 'our own', hosts: {} },
  { who: 'half of them Go agents', hosts: mixed },
])('G17: twenty are restarted, one each 5 s, $who', ({ hosts }) => {
  test.each([true, false])('without a false death (graceful: %s)', (graceful) => {
    const { world, run, runUntil, facts } = startStory(twenty.join(' '), {
      seed: 17,
      detail: 'facts',
      hosts,
      bootstrapped: 'byPushPull',
    });
    simulateRejoinPolicy(world, twenty.slice(0, 3));

    injectFault(world, {
      at: 0,
      span: 120_000,
      kind: 'rolling',
      order: twenty,
      every: 5000,
      down: graceful ? 3000 : 800,
      graceful,
      restore: true,
    });
    run('2m');

    // A member that leaves may be `failed` at an observer that its `dead` message reached before its leave intent
    // (serf issue 638).
    const failed = facts('memberFailed').map(({ node }) => node);
    expect(failed.length).toBeLessThanOrEqual(graceful ? 1 : 0);
    expect(twenty.map((label) => world.host(label).bootCount)).toEqual(twenty.map(() => 2));
    expect(runUntil(() => disagreements(world).length === 0, '30s')).toBe(true);
  });
});

describe.each([0, 0.5, 1])(
  'G11: all are killed at once and start again, %d of them without data',
  (share) => {
    test.each([
      { how: 'at once', stagger: 0, newAddress: false, within: '15s' },
      { how: 'one each 2 s', stagger: 2000, newAddress: false, within: '15s' },
      { how: 'at once, all at new addresses', stagger: 0, newAddress: true, within: '60s' },
    ])('$how: all agree within $within of the last start', ({ stagger, newAddress, within }) => {
      const { world, setTags, run, runUntil } = startStory(twelve.join(' '), { seed: 11, detail: 'facts' });
      simulateRejoinPolicy(world, twelve.slice(0, 3));
      for (let i = 0; i < 3; i++) setTags('n7', { round: `${i}` });
      run('5s');
      const withoutData = twelve.slice(0, share * twelve.length);

      const span = 10_000 + stagger * twelve.length;
      injectFault(world, {
        at: 0,
        span,
        kind: 'wholeRestart',
        order: twelve,
        stagger,
        withoutData,
        newAddress,
      });
      run(`${span}ms`);

      expect(runUntil(() => disagreements(world).length === 0, within)).toBe(true);
    });
  },
);
