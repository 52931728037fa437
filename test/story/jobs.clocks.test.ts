/** Jobs and time on whole agents: what an idle agent takes for a stall, and clocks that differ, jump, or come back. */
import { expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.ts';
import type { Fact } from '../../src/agent/contract/facts.ts';
import type { JobDefinition } from '../../src/model/job.ts';
import { joinOthers } from '../../src/sim/world/bootstrap.ts';
import { World } from '../../src/sim/world/world.ts';

const job = (every: number): JobDefinition => ({
  ...{ name: 'sweep', schedule: { kind: 'every', every }, place: {}, timeout: 10_000, retries: 0 },
  ...{ overlap: 'allow', jitter: 0, catchUp: 'one', quorum: 1, registeredAt: 0 },
  action: { kind: 'post', url: 'http://127.0.0.1/' },
});

function startCluster(labels: readonly string[], seed = 1) {
  const world = new World({
    ...{ seed, makeAgent: createAgent, trace: { detail: 'facts', maxLines: 200 } },
    simulateJobRun: () => ({ after: 100, ok: true }),
  });
  const facts: { readonly host: string; readonly fact: Fact }[] = [];
  const runs: { readonly host: string; readonly tick: number; readonly at: number }[] = [];
  world.subscribe({
    onEffects: (host, all) => void facts.push(...all.map((fact) => ({ host: host.label, fact }))),
    onJobRunStarted: (host, { tick }) => void runs.push({ host: host.label, tick, at: world.now }),
  });
  for (const label of labels) world.add(label);
  const boot = (): void => {
    for (const label of labels) world.start(label);
    for (const label of labels) joinOthers(world, label);
    world.run(15_000);
  };
  const factsOf = (kind: Fact['kind']): readonly string[] =>
    facts.filter(({ fact }) => fact.kind === kind).map(({ host }) => host);
  return { world, runs, facts, factsOf, boot };
}

test('an order that reaches an idle agent is no stall of it', () => {
  const { world, factsOf, boot } = startCluster(['ann', 'bob', 'cat']);
  boot();
  world.command('ann', { kind: 'registerJob', definition: job(3_600_000) });
  for (let i = 0; i < 20; i++) {
    world.run(7000);
    world.command('bob', { kind: 'orderJob', name: 'sweep', order: i % 2 === 0 ? 'pause' : 'resume' });
  }
  expect(factsOf('stalled')).toEqual([]);
});
