/** Ticks run once: drawn crashes, restarts, drains and delays below a spread time, without the agents around the jobs. */
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import {
  countByTick,
  EPOCH,
  everySecond,
  JobsCluster,
  runTwiceAtOnce,
  SPREAD,
} from '../support/jobs-cluster.ts';

const seed = fc.integer({ min: 1, max: 2 ** 30 });
const RUNS = { numRuns: 25 };

describe('a job each second', () => {
  test.prop({ seed, size: fc.integer({ min: 1, max: 8 }) }, RUNS)(
    'runs each tick once while nothing goes wrong, at any agent, with clocks that differ by less than a spread time',
    ({ seed, size }) => {
      const cluster = new JobsCluster({ seed, size });
      for (const node of cluster.nodes) node.offset = cluster.rng.int(SPREAD / 2);
      cluster.register('n0', everySecond());
      cluster.run(40_000);
      const counts = countByTick(cluster, EPOCH + 8000, EPOCH + 38_000);
      expect([...counts].filter(([, count]) => count !== 1)).toEqual([]);
      if (size > 3) expect(new Set(cluster.runs.map(({ node }) => node)).size).toBeGreaterThan(1);
    },
  );

  test.prop({ seed, size: fc.integer({ min: 3, max: 7 }), remembers: fc.boolean() }, RUNS)(
    'never runs a tick twice at once, and loses none, while agents crash, restart and are drained',
    ({ seed, size, remembers }) => {
      const cluster = new JobsCluster({ seed, size, duration: (rng) => 50 + rng.int(300) });
      cluster.register('n0', everySecond({ overlap: 'allow', retries: 2 }));
      cluster.run(10_000);
      for (let round = 0; round < 6; round++) {
        // The owner of the definition stays, and so does one more agent.
        const victim = cluster.nodes[2 + cluster.rng.int(size - 2)];
        if (victim === undefined) continue;
        const deed = cluster.rng.int(3);
        if (deed === 0 && victim.up) cluster.crash(victim.name);
        else if (deed === 1 && !victim.up) cluster.restart(victim.name, remembers);
        else victim.drained = !victim.drained;
        cluster.run(1000 + cluster.rng.int(6000));
      }
      cluster.run(12_000);
      expect(runTwiceAtOnce(cluster.runs)).toEqual([]);
      const counts = countByTick(cluster, EPOCH + 8000, EPOCH + cluster.now - 8000);
      expect([...counts].filter(([, count]) => count === 0)).toEqual([]);
    },
  );

  test.prop({ seed }, RUNS)('runs each tick once on each side of a partition', ({ seed }) => {
    const cluster = new JobsCluster({ seed, size: 5 });
    cluster.register('n0', everySecond({ overlap: 'allow' }));
    cluster.run(10_000);
    cluster.split(['n1', 'n2']);
    cluster.run(20_000);
    const sideOf = (node: string): unknown => cluster.node(node).side;
    expect(runTwiceAtOnce(cluster.runs, sideOf)).toEqual([]);
    for (const side of [0, 1]) {
      const ticks = cluster.runs.filter(({ node }) => sideOf(node) === side).map(({ tick }) => tick);
      const expected = [...countByTick(cluster, EPOCH + 16_000, EPOCH + 27_000).keys()];
      expect(expected.filter((tick) => !ticks.includes(tick))).toEqual([]);
      expect(new Set(ticks).size).toBe(ticks.length);
    }
    cluster.heal();
    cluster.run(10_000);
    const counts = countByTick(cluster, EPOCH + 33_000, EPOCH + 38_000);
    expect([...counts].filter(([, count]) => count !== 1)).toEqual([]);
  });
});
