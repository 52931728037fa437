import { describe, expect, test } from 'vitest';
import { type AgentOptions, createAgent } from '../../../src/agent/agent.ts';
import { World } from '../../../src/sim/world/world.ts';

/** Two hosts that know each other, and the options of each start of `ann`. */
function world() {
  const births: AgentOptions[] = [];
  const it = new World({
    seed: 3,
    makeAgent: (options) => {
      if (options.name === 'ann') births.push(options);
      return createAgent(options);
    },
  });
  for (const label of ['ann', 'bob']) {
    it.add(label);
    it.start(label);
  }
  const { address } = it.host('bob');
  it.command('ann', { kind: 'join', seeds: [{ text: 'bob', addresses: [address] }] });
  it.run(5000);
  const view = () => it.host('ann').runningAgent.view;
  return { it, births, view };
}

describe('a restarted agent', () => {
  test('B3: uses no index a second time', () => {
    const { it, births, view } = world();
    const before = view().indexOf(['nodes']);
    it.stop('ann');
    it.run(60_000);

    it.start('ann', { restore: true });

    expect(view().indexOf(['nodes'])).toBeGreaterThanOrEqual(births[1]?.startedAt ?? Number.NaN);
    expect(view().indexOf(['nodes'])).toBeGreaterThan(before);
  });

  test('begins above every incarnation it ever announced, before it has received anything', () => {
    const { it, view } = world();
    for (let round = 0; round < 5; round++) {
      it.command('ann', { kind: 'setTags', set: new Map([['round', `${round}`]]), remove: [] });
      it.run(2000);
    }
    const before = view().health().incarnation;
    expect(before).toBeGreaterThanOrEqual(6);
    it.stop('ann');
    it.stop('bob');

    it.start('ann', { restore: true });

    expect(view().health().incarnation).toBeGreaterThan(before);
  });

  test('goes on with its Lamport clocks where they were', () => {
    const { it, view } = world();
    for (let i = 0; i < 3; i++) {
      it.command('ann', { kind: 'forget', node: 'bob', prune: false, refuseLive: false });
      it.run(5000);
    }
    const before = view().health().clocks.member;
    expect(before).toBeGreaterThan(5);
    it.stop('ann');
    it.stop('bob');

    it.start('ann', { restore: true });

    expect(view().health().clocks.member).toBe(before);
  });
});
