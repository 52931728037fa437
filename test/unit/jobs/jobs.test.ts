/** One rule each, on a cluster of nothing but jobs (test/support/jobs-cluster.ts). */
import { describe, expect, test } from 'vitest';
import { tickOwner } from '../../../src/jobs/owner.ts';
import { countByTick, EPOCH, everySecond, JobsCluster, SPREAD } from '../../support/jobs-cluster.ts';

const kinds = (cluster: JobsCluster, kind: string): readonly string[] =>
  cluster.facts.filter(({ fact }) => fact.kind === kind).map(({ node }) => node);
const ticksOf = (cluster: JobsCluster): readonly number[] => cluster.runs.map(({ tick }) => tick - EPOCH);
const everyTen = (changes = {}) => everySecond({ schedule: { kind: 'every', every: 10_000 }, ...changes });

test('a tick belongs to the agent with the smallest hash, in whatever order they are named', () => {
  const nodes = ['a', 'b', 'c', 'd', 'e'];
  const owners = new Set<string | undefined>();
  for (let tick = 0; tick < 200; tick++) {
    const owner = tickOwner('job', tick, nodes);
    expect(tickOwner('job', tick, [...nodes].reverse())).toBe(owner);
    const others = nodes.filter((node) => node !== owner);
    // Only ticks of the agent that goes move.
    for (const gone of others)
      expect(
        tickOwner(
          'job',
          tick,
          nodes.filter((node) => node !== gone),
        ),
      ).toBe(owner);
    owners.add(owner);
  }
  expect(owners.size).toBe(5);
  expect(tickOwner('job', 1, [])).toBeUndefined();
});

test('a claim waits one spread time, and only its agent runs the tick', () => {
  const cluster = new JobsCluster({ seed: 1, size: 3 });
  cluster.register('n0', everyTen());
  cluster.run(25_000);
  expect(ticksOf(cluster)).toEqual([10_000, 20_000]);
  for (const { tick, begun, node } of cluster.runs) {
    expect(begun - (tick - EPOCH)).toBeGreaterThanOrEqual(SPREAD);
    expect(begun - (tick - EPOCH)).toBeLessThan(SPREAD + 100);
    expect(node).toBe(tickOwner('sweep', tick, ['n0', 'n1', 'n2']));
  }
});

test('tokens rise with the ticks, and a tick that is taken over has a higher one than those before it', () => {
  const cluster = new JobsCluster({ seed: 3, size: 3, detection: 4000 });
  cluster.register('n0', everySecond());
  cluster.run(12_500);
  cluster.crash('n2');
  cluster.run(15_000);
  const late = cluster.runs.filter(({ tick, begun }) => begun - (tick - EPOCH) > 2 * SPREAD + 200);
  expect(late.length).toBeGreaterThan(0);
  for (const one of late) {
    const before = cluster.runs.filter(({ begun }) => begun < one.begun - SPREAD);
    expect(one.token).toBeGreaterThan(Math.max(...before.map(({ token }) => token)));
  }
});

test.each(['was draining', 'had failed'])(
  'readers hear that a run is elsewhere since its agent %s',
  (reason) => {
    const cluster = new JobsCluster({ seed: 2, size: 3 });
    cluster.register('n0', everyTen());
    cluster.run(9000);
    const view = () => cluster.node(watcher).jobs.view('sweep', cluster.world(cluster.node(watcher)));
    const owner = tickOwner('sweep', EPOCH + 10_000, ['n0', 'n1', 'n2']) ?? '';
    const watcher = ['n0', 'n1', 'n2'].find((node) => node !== owner) ?? '';
    if (reason === 'had failed') cluster.crash(owner);
    else cluster.node(owner).drained = true;
    cluster.run(8000);
    const [last] = view()?.runs ?? [];
    expect(last?.run.tick).toBe(EPOCH + 10_000);
    expect(view()?.detour).toEqual({ to: last?.node, node: owner, reason });
  },
);

test('nobody takes a tick over from an agent that is not dead', () => {
  const cluster = new JobsCluster({ seed: 2, size: 3 });
  cluster.register('n0', everyTen());
  cluster.run(9000);
  const owner = tickOwner('sweep', EPOCH + 10_000, ['n0', 'n1', 'n2']) ?? '';
  cluster.node(owner).frozen = true;
  cluster.run(8000);
  expect(ticksOf(cluster)).not.toContain(10_000);
  cluster.node(owner).up = false;
  cluster.node(owner).downSince = cluster.now;
  cluster.run(2500);
  expect(ticksOf(cluster)).not.toContain(10_000); // it is not held dead yet
  cluster.run(2500);
  expect(ticksOf(cluster)).toContain(10_000);
  expect(cluster.runs.map(({ node }) => node)).not.toContain(owner);
});

describe('an agent that dies in the middle of a run', () => {
  const dieInRun = (retries: number): JobsCluster => {
    const cluster = new JobsCluster({ seed: 4, size: 3, duration: () => 60_000 });
    cluster.register('n1', everyTen({ retries, overlap: 'allow', timeout: 100_000 }));
    cluster.run(11_000);
    const [first] = cluster.runs;
    if (first === undefined) throw new Error('nothing runs');
    cluster.crash(first.node);
    cluster.run(8000);
    return cluster;
  };

  test('leaves it lost, and nobody repeats it', () => {
    const cluster = dieInRun(0);
    expect(ticksOf(cluster)).toEqual([10_000]);
    expect(kinds(cluster, 'jobRunLost')).toHaveLength(1);
    const survivor = cluster.nodes.find(({ up }) => up);
    if (survivor === undefined) throw new Error('nobody survives');
    expect(survivor.jobs.view('sweep', cluster.world(survivor))?.runs[0]?.run.state).toBe('lost');
  });

  test('with retries another one makes the next attempt', () => {
    const cluster = dieInRun(1);
    expect(cluster.runs.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(cluster.runs[0]?.node).not.toBe(cluster.runs[1]?.node);
  });
});

test('a run that fails is tried again by its agent, later each time, as often as retries say', () => {
  const cluster = new JobsCluster({ seed: 5, size: 3, succeeds: () => false });
  cluster.register('n0', everyTen({ retries: 2, overlap: 'allow' }));
  cluster.run(19_000);
  expect(cluster.runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  expect(new Set(cluster.runs.map(({ node }) => node)).size).toBe(1);
  const [a, b, c] = cluster.runs.map(({ begun }) => begun);
  expect((b ?? 0) - (a ?? 0)).toBeGreaterThanOrEqual(1000);
  expect((c ?? 0) - (b ?? 0)).toBeGreaterThanOrEqual(2000);
  expect(new Set(cluster.runs.map(({ token }) => token)).size).toBe(3);
});

test('an outcome that never comes is given up after the timeout', () => {
  const cluster = new JobsCluster({ seed: 6, size: 1, duration: () => 1e9 });
  cluster.register('n0', everyTen({ timeout: 1000, overlap: 'skip' }));
  cluster.run(60_000);
  expect(kinds(cluster, 'jobRunFailed').length).toBeGreaterThan(0);
  expect(ticksOf(cluster).length).toBeGreaterThan(1);
});

test('a tick that comes while the last run goes on is skipped, or runs beside it', () => {
  for (const [overlap, runs] of [
    ['skip', 1],
    ['allow', 3],
  ] as const) {
    const cluster = new JobsCluster({ seed: 7, size: 3, duration: () => 25_000 });
    cluster.register('n0', everyTen({ overlap, timeout: 60_000 }));
    cluster.run(32_000);
    expect([overlap, cluster.runs.length]).toEqual([overlap, runs]);
    expect(kinds(cluster, 'jobRunSkipped')).toHaveLength(3 - runs);
  }
});

test('paused ticks pass; after resume the next one runs, and an order runs one now', () => {
  const cluster = new JobsCluster({ seed: 8, size: 3 });
  cluster.register('n0', everyTen());
  const order = (name: string, what: 'run' | 'pause' | 'resume'): void => {
    const node = cluster.node(name);
    node.jobs.own.setOrders('sweep', node.jobs.ordersAfter('sweep', what, cluster.wall(node)));
    node.jobs.wake(cluster.now);
  };
  cluster.run(12_000);
  order('n1', 'pause');
  cluster.run(20_000);
  expect(ticksOf(cluster)).toEqual([10_000]);
  order('n2', 'resume');
  cluster.run(10_000);
  expect(ticksOf(cluster)).toEqual([10_000, 40_000]);
  order('n1', 'run');
  cluster.run(3000);
  expect(ticksOf(cluster)).toEqual([10_000, 40_000, 42_000]);
  cluster.run(12_000);
  expect(ticksOf(cluster)).toEqual([10_000, 40_000, 42_000, 50_000]);
});

test('with fewer agents than the quorum nothing runs', () => {
  const cluster = new JobsCluster({ seed: 9, size: 3 });
  cluster.register('n0', everySecond({ quorum: 3 }));
  cluster.run(12_000);
  expect(cluster.runs.length).toBeGreaterThan(3);
  cluster.node('n1').drained = true;
  cluster.run(2000);
  const before = cluster.runs.length;
  cluster.run(10_000);
  expect(cluster.runs.length).toBe(before);
});

test.each([
  ['one', 1],
  ['all', 6],
  ['none', 0],
] as const)('of the ticks that nobody could run catchUp %s makes up for %s', (catchUp, expected) => {
  const cluster = new JobsCluster({ seed: 10, size: 2 });
  cluster.register('n0', everyTen({ catchUp, overlap: 'allow' }));
  cluster.run(12_000);
  cluster.node('n0').drained = true;
  cluster.node('n1').drained = true;
  cluster.run(90_000);
  expect(ticksOf(cluster)).toEqual([10_000]);
  cluster.node('n0').drained = false;
  cluster.run(3000);
  // The ticks of the last 30 seconds are late, not missed.
  const late = ticksOf(cluster).filter((tick) => tick > 70_000);
  expect(late.sort()).toEqual([80_000, 90_000, 100_000].filter((tick) => tick >= 80_000).sort());
  const madeUp = ticksOf(cluster).filter((tick) => tick > 10_000 && tick <= 70_000);
  expect(madeUp).toHaveLength(expected);
});

test('a restart runs no tick twice: with a memory of its own, and without one by that of the others', () => {
  for (const remembers of [true, false]) {
    const cluster = new JobsCluster({ seed: 11, size: 2 });
    cluster.register('n0', everySecond());
    cluster.run(12_000);
    for (let i = 0; i < 3; i++) {
      cluster.crash('n1');
      cluster.run(100);
      cluster.restart('n1', remembers);
      cluster.run(8000);
    }
    const twice = [...countByTick(cluster, EPOCH, EPOCH + cluster.now)].filter(([, count]) => count > 1);
    expect(twice).toEqual([]);
  }
});

test('an agent alone that restarts with its memory makes up for the tick that it missed', () => {
  const cluster = new JobsCluster({ seed: 12, size: 1 });
  cluster.register('n0', everyTen());
  cluster.run(15_000);
  cluster.crash('n0');
  cluster.run(62_000);
  cluster.restart('n0', true);
  cluster.run(10_000);
  expect(ticksOf(cluster).filter((tick) => tick < 50_000)).toEqual([10_000]);
  expect(ticksOf(cluster)).toContain(70_000);
});

test('a command runs only where its definition is the one that counts', () => {
  const cluster = new JobsCluster({ seed: 13, size: 3 });
  const definition = everySecond({ action: { kind: 'command' } });
  cluster.register('n0', definition, ['/bin/true']);
  cluster.register('n2', definition, ['/bin/true']);
  cluster.run(20_000);
  expect([...new Set(cluster.runs.map(({ node }) => node))].sort()).toEqual(['n0', 'n2']);
  cluster.register('n0', { ...definition, timeout: 20_000, registeredAt: EPOCH + 1 }, ['/bin/true']);
  cluster.run(2000);
  const before = cluster.runs.length;
  cluster.run(8000);
  expect([...new Set(cluster.runs.slice(before).map(({ node }) => node))]).toEqual(['n0']);
});

test('jitter puts a tick off by the same time everywhere, and never more than it says', () => {
  const cluster = new JobsCluster({ seed: 14, size: 3 });
  cluster.register('n0', everyTen({ jitter: 4000 }));
  cluster.run(60_000);
  const delays = cluster.runs.map(({ tick, begun }) => begun - (tick - EPOCH) - SPREAD);
  expect(delays).toHaveLength(5);
  for (const delay of delays) expect(delay).toBeLessThan(4100);
  expect(Math.max(...delays)).toBeGreaterThan(500);
});

test('what an agent ran while it was out of reach is not run again when it dies', () => {
  const cluster = new JobsCluster({ seed: 15, size: 4, detection: 60_000 });
  cluster.register('n0', everySecond({ overlap: 'allow' }));
  cluster.run(12_000);
  cluster.split(['n3']);
  cluster.run(50_000);
  cluster.heal(); // nobody was held dead
  cluster.run(45_000);
  cluster.crash('n3');
  cluster.run(75_000);
  const twice = [...countByTick(cluster, EPOCH, EPOCH + cluster.now - 70_000)].filter(
    ([, count]) => count > 1,
  );
  expect(
    cluster.runs.some(({ node, tick }) => node === 'n3' && tick > EPOCH + 12_000 && tick < EPOCH + 25_000),
  ).toBe(true);
  expect(twice).toEqual([]);
});

test('an agent that is killed before its disk has what it began does not run it again: the others know', () => {
  const cluster = new JobsCluster({ seed: 9, size: 3 });
  cluster.register('n0', everyTen());
  const owner = tickOwner('sweep', EPOCH + 20_000, ['n0', 'n1', 'n2']) ?? '';
  cluster.run(20_200);
  const { saved } = cluster.node(owner); // it has claimed the tick
  cluster.run(700);
  expect(ticksOf(cluster)).toEqual([10_000, 20_000]);
  cluster.node(owner).saved = saved;
  cluster.crash(owner);
  cluster.run(1000);
  cluster.restart(owner, true);
  cluster.run(17_000);
  expect(ticksOf(cluster)).toEqual([10_000, 20_000, 30_000]);
});

test('an agent whose clock was wrong for a while has missed no tick of that time: the others ran them', () => {
  const cluster = new JobsCluster({ seed: 7, size: 3 });
  cluster.clockOffset = ({ offset }) => offset;
  cluster.register('n0', everySecond({ overlap: 'allow' }));
  cluster.run(10_000);
  const n1 = cluster.node('n1');
  for (const offset of [10_000, 0]) {
    n1.offset = offset;
    n1.jobs.onClockSet(cluster.now, cluster.wall(n1));
    cluster.run(40_000);
  }
  expect(kinds(cluster, 'jobClockDiffers')).toEqual(['n1']);
  expect(kinds(cluster, 'jobClockAgrees')).toEqual(['n1']);
  expect(kinds(cluster, 'jobTicksMissed')).toEqual([]);
  const counts = countByTick(cluster, EPOCH + 10_000, EPOCH + cluster.now - 3000);
  expect([...counts].filter(([, count]) => count !== 1)).toEqual([]);
  expect(cluster.runs.some(({ node, tick }) => node === 'n1' && tick > EPOCH + 60_000)).toBe(true);
});
