/** Worker pools under drawn faults: never two holders at once, tokens rise, and nothing stays without a holder. */
import { describe, expect, test } from 'vitest';
import { createRng } from '../../src/base/rng.ts';
import { heldAtOnce, PoolCluster, type Tenure, tokensThatFell } from '../support/partitions-cluster.ts';

const SIZE = 5;
const COUNT = 12;
const DETECTION = 3000;
/** `HEARSAY_PARTITION_SEEDS=200` is a campaign. */
const SEEDS = Number(process.env['HEARSAY_PARTITION_SEEDS'] ?? 3);

/** From when to when an agent was alone on its side of a network partition. */
interface Absence {
  readonly node: string;
  readonly from: number;
  to: number;
}

/** What happened before an agent was alone still has its effects for this long after it. */
const RECOVERY = 3000;

function runSeed(
  seed: number,
  faults: readonly string[],
  { steps = 25, absences = [] as Absence[] } = {},
): PoolCluster {
  const rng = createRng(seed);
  const cluster = new PoolCluster({
    ...{ seed, size: SIZE, count: COUNT, detection: DETECTION, maxDelay: 450 },
    releaseTime: (own) => (own.int(3) === 0 ? own.int(1500) : 0),
  });
  for (const { name } of cluster.nodes) if (rng.int(3) > 0) cluster.attach(name);
  cluster.attach('n0');
  for (let i = 0; i < steps; i++) {
    const node = cluster.node(`n${1 + rng.int(SIZE - 1)}`);
    const fault = faults[rng.int(faults.length)];
    if (!node.up) {
      if (rng.int(2) === 0) cluster.restart(node.name);
      else cluster.run(1000);
    } else if (node.processes.length === 0) cluster.attach(node.name);
    else if (fault === 'crash') cluster.crash(node.name);
    else if (fault === 'worker') cluster.killWorker(node.name);
    else if (fault === 'drain') cluster.drain(node.name, !node.draining.has(`${node.name}-w`));
    else if (fault === 'split') {
      const splits = rng.int(2) === 0;
      for (const one of absences) one.to = Math.min(one.to, cluster.now);
      if (splits) absences.push({ node: node.name, from: cluster.now, to: Number.POSITIVE_INFINITY });
      if (splits) cluster.split([node.name]);
      else cluster.heal();
    }
    cluster.run([200, 900, 3500, 9000][rng.int(4)] ?? 0);
  }
  for (const one of absences) one.to = Math.min(one.to, cluster.now);
  cluster.heal();
  for (const node of cluster.nodes) {
    if (!node.up) cluster.restart(node.name);
    if (node.processes.length === 0) cluster.attach(node.name);
    cluster.drain(node.name, false);
  }
  cluster.run(20_000);
  return cluster;
}

/** In the end all is shared equally, and the agents agree. */
function expectSettled(cluster: PoolCluster): void {
  const holders = cluster.holders();
  expect(holders).not.toContain(undefined);
  const loads = cluster.nodes.map(({ name }) => holders.filter((one) => one === `${name}-w`).length);
  expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
  expect(loads.reduce((a, b) => a + b)).toBe(COUNT);
  const views = cluster.nodes.map((node) =>
    node.partitions.view(cluster.pool, cluster.world(node))?.partitions.map(({ handover: _, ...one }) => one),
  );
  for (const view of views) expect(view).toEqual(views[0]);
}

describe.each([
  ['workers that die and drain', ['worker', 'drain']],
  ['agents that die', ['crash']],
  ['all of that', ['crash', 'worker', 'drain']],
])('%s', (_, faults) => {
  test('no partition has two holders at once, tokens rise, and all is shared in the end', () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const cluster = runSeed(seed, faults);
      expect([seed, heldAtOnce(cluster.tenures)]).toEqual([seed, []]);
      expect([seed, tokensThatFell(cluster.tenures)]).toEqual([seed, []]);
      expectSettled(cluster);
    }
  });
});

test('network partitions: agents that are always on one side never have one at once, and one of all holders stays in the end', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const absences: Absence[] = [];
    const cluster = runSeed(seed, ['split', 'worker'], { absences });
    const wereApart = (a: Tenure, b: Tenure): boolean =>
      absences.some(
        ({ node, from, to }) =>
          (node === a.node || node === b.node) && from <= b.from && to + RECOVERY >= a.from,
      );
    expect([seed, heldAtOnce(cluster.tenures, wereApart)]).toEqual([seed, []]);
    expectSettled(cluster);
  }
});
