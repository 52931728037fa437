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
  for (let i = 0; i < 6; i++) {
    world.run(7000);
    world.command('bob', { kind: 'orderJob', name: 'sweep', order: i % 2 === 0 ? 'pause' : 'resume' });
  }
  expect(factsOf('stalled')).toEqual([]);
});

test('a run that is elsewhere is explained by what was against its agent at the tick', () => {
  const { world, boot } = startCluster(['ann', 'bob', 'cat'], 3);
  boot();
  world.command('ann', { kind: 'registerJob', definition: job(1000) });
  world.run(6000);
  world.command('cat', { kind: 'maintenance', on: true, reason: '' });
  world.run(2000);
  const seen = new Set<string>();
  for (let i = 0; i < 16; i++) {
    world.run(500);
    const detour = world.host('ann').runningAgent.view.jobs.get('sweep')?.detour;
    if (detour !== undefined) seen.add(`${detour.node} ${detour.reason}`);
  }
  expect([...seen]).toEqual(['cat was in maintenance']);
});

const SIX = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay'];

/** Runs a job each second with these clocks, and counts the runs of each tick that was due by the clock of `ann`. */
function runWithClocks(labels: readonly string[], offsets: Readonly<Record<string, number>>) {
  const cluster = startCluster(labels, 3);
  const { world, runs, boot } = cluster;
  for (const [label, offset] of Object.entries(offsets)) world.host(label).wallClockOffset = offset;
  boot();
  world.command('ann', { kind: 'registerJob', definition: job(1000) });
  world.run(10_000);
  const wall = (): number => world.host('ann').runningAgent.view.jobs.wall;
  const unevenTicks = (from: number, to: number): readonly number[] => {
    const uneven: number[] = [];
    for (let tick = Math.ceil(from / 1000) * 1000; tick <= to; tick += 1000)
      if (runs.filter((run) => run.tick === tick).length !== 1) uneven.push(tick - from);
    return uneven;
  };
  const runnersSince = (at: number): ReadonlySet<string> =>
    new Set(runs.filter((run) => run.at >= at).map(({ host }) => host));
  return { ...cluster, wall, unevenTicks, runnersSince };
}

test('clocks that differ by less than a spread time differ for nobody, and all run ticks', () => {
  const offsets = { bob: 200, cat: -200, dan: 100, eve: -230, fay: 230 };
  const { world, factsOf, wall, unevenTicks, runnersSince } = runWithClocks(SIX, offsets);
  const [from, at] = [wall(), world.now];
  world.run(25_000);
  expect(factsOf('jobClockDiffers')).toEqual([]);
  expect(unevenTicks(from, wall() - 3000)).toEqual([]);
  expect([...runnersSince(at)].sort()).toEqual(SIX);
  expect(world.host('fay').runningAgent.view.jobs.clockOffset).toBeGreaterThan(150);
});

test('an agent whose clock differs from the median says so, and owns no ticks; each is run once by the others', () => {
  const { world, facts, factsOf, wall, unevenTicks, runnersSince } = runWithClocks(SIX, {
    cat: 10_000,
    dan: -2000,
  });
  const [from, at] = [wall(), world.now];
  world.run(25_000);
  expect([...new Set(factsOf('jobClockDiffers'))].sort()).toEqual(['cat', 'dan']);
  expect(
    facts.find(({ host, fact }) => host === 'cat' && fact.kind === 'jobClockDiffers')?.fact,
  ).toMatchObject({
    offsetMs: expect.closeTo(10_000, -2),
    spreadMs: 500,
  });
  expect(unevenTicks(from, wall() - 3000)).toEqual([]);
  expect([...runnersSince(at)].sort()).toEqual(['ann', 'bob', 'eve', 'fay']);
  const job = world.host('eve').runningAgent.view.jobs.get('sweep');
  expect(job?.clockDiffers.map(({ node }) => node).sort()).toEqual(['cat', 'dan']);
  expect(job?.eligible).toEqual(['ann', 'bob', 'eve', 'fay']);
});

test.each([3_600_000, -700])(
  'a clock that jumps by %i ms runs nothing too early, again or not at all, and its agent is back when it is right',
  (by) => {
    const { world, runs, factsOf, wall, unevenTicks, runnersSince } = runWithClocks(SIX, {});
    const [from, epoch] = [wall(), wall() - world.now];
    world.run(5300);
    world.setWallClock('dan', by);
    const jumped = world.now;
    world.run(12_000);
    expect(factsOf('jobClockDiffers')).toEqual(['dan']);
    expect([...runnersSince(jumped + 2000)]).not.toContain('dan');
    world.setWallClock('dan', 0);
    world.run(24_000);
    expect(factsOf('jobClockAgrees')).toEqual(['dan']);
    expect([...runnersSince(world.now - 18_000)]).toContain('dan');
    expect(unevenTicks(from, wall() - 3000)).toEqual([]);
    expect(runs.filter(({ tick, at }) => at + epoch < tick)).toEqual([]);
  },
);

test('an agent whose clock was ahead while it was alone takes part again when both are over', () => {
  const { world, runs, wall, unevenTicks, runnersSince } = runWithClocks(SIX, {});
  const others = SIX.filter((label) => label !== 'dan');
  world.network.addRule({ from: ['dan'], to: others });
  world.network.addRule({ from: others, to: ['dan'] });
  world.setWallClock('dan', 3_600_000);
  world.run(30_000);
  expect(runs.filter(({ host, tick }) => host === 'dan' && tick > wall() + 1_000_000)).not.toEqual([]);
  world.setWallClock('dan', 0);
  world.network.heal();
  world.run(30_000);
  const from = wall();
  const at = world.now;
  world.run(30_000);
  expect([...runnersSince(at)].sort()).toEqual(SIX);
  expect(unevenTicks(from, wall() - 3000)).toEqual([]);
});

test('clocks that are all set at once, as by a time server, agree with each other', () => {
  const { world, runs, wall, unevenTicks } = runWithClocks(SIX, {});
  for (const [i, label] of SIX.entries())
    world.schedule(world.now + 200 * i, () => world.setWallClock(label, 20_000));
  world.run(15_000);
  const from = wall();
  world.run(40_000); // of 20 ticks one of six agents may have none
  expect(unevenTicks(from, wall() - 3000)).toEqual([]);
  const late = runs.filter(({ tick }) => tick >= from);
  expect(new Set(late.map(({ host }) => host)).size).toBe(6);
});

test('of two agents nobody can tell whose clock is right, and both go on', () => {
  const { world, factsOf, wall, runs } = runWithClocks(['ann', 'bob'], { bob: 3000 });
  const from = wall();
  world.run(20_000);
  expect(factsOf('jobClockDiffers')).toEqual([]);
  for (let tick = Math.ceil(from / 1000) * 1000; tick < wall() - 5000; tick += 1000)
    expect(runs.filter((run) => run.tick === tick).length).toBeGreaterThan(0);
});
