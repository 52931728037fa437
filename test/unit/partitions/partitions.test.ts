/** One rule each, on a cluster of nothing but worker pools (test/support/partitions-cluster.ts). */
import { expect, test } from 'vitest';
import { encodeRow, rowKey } from '../../../src/partitions/entries.ts';
import { heldAtOnce, PoolCluster, SPREAD, STEP, tokensThatFell } from '../../support/partitions-cluster.ts';

const start = (size: number, count = 8, options = {}): PoolCluster => {
  const cluster = new PoolCluster({ seed: 1, size, count, ...options });
  for (const { name } of cluster.nodes) cluster.attach(name);
  cluster.run(10_000);
  return cluster;
};
const loads = (cluster: PoolCluster): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const worker of cluster.holders())
    if (worker !== undefined) counts[worker] = (counts[worker] ?? 0) + 1;
  return counts;
};
const expectSafe = (cluster: PoolCluster): void => {
  expect(heldAtOnce(cluster.tenures)).toEqual([]);
  expect(tokensThatFell(cluster.tenures)).toEqual([]);
};

test('each partition is held once, and the workers have equal numbers', () => {
  const cluster = start(4);
  expect(loads(cluster)).toEqual({ 'n0-w': 2, 'n1-w': 2, 'n2-w': 2, 'n3-w': 2 });
  expectSafe(cluster);
  const { length } = cluster.tenures;
  cluster.run(10_000);
  expect(cluster.tenures).toHaveLength(length);
});

test('an agent that has just started claims nothing before it has heard the others', () => {
  const cluster = new PoolCluster({ seed: 1, size: 1, count: 4 });
  cluster.attach('n0');
  cluster.run(4900);
  expect(cluster.tenures).toEqual([]);
  cluster.run(1000);
  expect(cluster.tenures).toHaveLength(4);
  expect(cluster.tenures[0]?.from).toBeGreaterThanOrEqual(5000 + SPREAD);
});

test('a drained worker lets its partitions go, and the next ones take them at once, and nothing else moves', () => {
  const cluster = start(4);
  const before = cluster.holders();
  cluster.drain('n2', true);
  cluster.run(800);
  const after = cluster.holders();
  expect(after).not.toContain('n2-w');
  expect(after).not.toContain(undefined);
  expect(before.filter((one, i) => one !== after[i])).toEqual(['n2-w', 'n2-w']);
  expectSafe(cluster);
});

test('a worker that takes its time keeps the next one waiting', () => {
  const cluster = start(3, 6, { releaseTime: () => 3000 });
  const from = cluster.now;
  cluster.drain('n1', true);
  cluster.run(2500);
  expect(cluster.holders().filter((one) => one === 'n1-w')).toHaveLength(2);
  const world = cluster.world(cluster.node('n0'));
  const seen = cluster.node('n0').partitions.view(cluster.pool, world);
  expect(seen?.partitions.filter(({ state }) => state === 'releasing')).toHaveLength(2);
  cluster.run(1500);
  expect(cluster.holders()).not.toContain('n1-w');
  expectSafe(cluster);
  for (const { from: begun } of cluster.tenures.filter((one) => one.from > from))
    expect(begun - from).toBeGreaterThanOrEqual(3000);
});

test('a new worker gets its share, and not more than its share moves', () => {
  const cluster = new PoolCluster({ seed: 4, size: 4, count: 16 });
  for (const name of ['n0', 'n1', 'n2']) cluster.attach(name);
  cluster.run(10_000);
  const before = cluster.holders();
  cluster.attach('n3');
  cluster.run(3000);
  const after = cluster.holders();
  expect(after.filter((one) => one === 'n3-w')).toHaveLength(4);
  expect(before.filter((one, i) => one !== after[i])).toHaveLength(4);
  expectSafe(cluster);
});

test('nobody takes what a dead agent had before the failure detector has spoken, then within a second', () => {
  const cluster = start(3, 6);
  const from = cluster.now;
  cluster.crash('n1');
  cluster.run(3000);
  expect(cluster.holders().filter((one) => one === undefined)).toHaveLength(2);
  cluster.run(1000);
  expect(cluster.holders()).not.toContain(undefined);
  for (const { from: begun } of cluster.tenures.filter((one) => one.from > from))
    expect(begun - from).toBeGreaterThanOrEqual(3000 + SPREAD);
  expectSafe(cluster);
});

test('when a process dies its agent hands its partitions on, after a moment', () => {
  const cluster = start(3, 6);
  const from = cluster.now;
  cluster.killWorker('n1');
  cluster.run(1000);
  expect(cluster.holders()).not.toContain(undefined);
  for (const { from: begun } of cluster.tenures.filter((one) => one.from > from))
    expect(begun - from).toBeGreaterThanOrEqual(250);
  expectSafe(cluster);
});

test('a worker that comes back begins with nothing, and has its share again', () => {
  const cluster = start(3, 6);
  cluster.crash('n1');
  cluster.run(1000);
  cluster.restart('n1'); // before anybody held it dead
  cluster.attach('n1');
  cluster.run(12_000);
  expect(loads(cluster)).toEqual({ 'n0-w': 2, 'n1-w': 2, 'n2-w': 2 });
  expectSafe(cluster);
});

test('a process that takes the place of an earlier one is seen by all, and has its share again', () => {
  const cluster = start(3, 6);
  cluster.attach('n1');
  cluster.run(3000);
  expect(loads(cluster)).toEqual({ 'n0-w': 2, 'n1-w': 2, 'n2-w': 2 });
  for (const node of cluster.nodes)
    expect(node.partitions.view(cluster.pool, cluster.world(node))?.workers).toHaveLength(3);
  expectSafe(cluster);
});

test('with a quorum the smaller side of a network partition lets all go, and nobody begins before enough are there', () => {
  const cluster = new PoolCluster({ seed: 1, size: 3, count: 6 });
  cluster.attach('n0', 'n0-w', 2);
  cluster.run(8000);
  expect(cluster.tenures).toEqual([]);
  for (const name of ['n1', 'n2']) cluster.attach(name); // what one asks for is asked of all
  cluster.run(3000);
  expect(loads(cluster)).toEqual({ 'n0-w': 2, 'n1-w': 2, 'n2-w': 2 });
  cluster.split(['n2']);
  cluster.run(6000);
  expect(loads(cluster)).toEqual({ 'n0-w': 3, 'n1-w': 3 });
  cluster.heal();
  cluster.run(6000);
  expect(loads(cluster)).toEqual({ 'n0-w': 2, 'n1-w': 2, 'n2-w': 2 });
  for (const name of ['n1', 'n2']) cluster.drain(name, true); // they are in view all the same
  cluster.run(3000);
  expect(loads(cluster)).toEqual({ 'n0-w': 6 });
});

test('all agents remember why a partition went to its holder', () => {
  const cluster = start(3, 6);
  const handovers = (name: string) =>
    cluster.node(name).partitions.view(cluster.pool, cluster.world(cluster.node(name)))?.partitions;
  const reasons = (name: string, from: string) =>
    handovers(name)?.flatMap(({ handover }) => (handover?.from.node === from ? [handover.reason] : []));
  expect(handovers('n0')?.some((one) => one.handover !== undefined)).toBe(false);
  cluster.drain('n1', true);
  cluster.run(2000);
  for (const name of ['n0', 'n1', 'n2'])
    expect(reasons(name, 'n1')).toEqual(['was draining', 'was draining']);
  cluster.drain('n1', false);
  cluster.run(2000);
  expect(handovers('n2')?.filter(({ holder }) => holder?.node === 'n1')).toMatchObject([
    { handover: { reason: undefined } },
    { handover: { reason: undefined } },
  ]);
  cluster.crash('n1');
  cluster.run(6000);
  for (const name of ['n0', 'n2'])
    expect(reasons(name, 'n1')?.filter((reason) => reason === 'had failed')).toHaveLength(2);
  cluster.killWorker('n2');
  cluster.run(2000);
  expect(reasons('n0', 'n2')).toContain('had ended');
});

test('what comes back soon after it was passed on is taken at once', () => {
  const cluster = start(3, 6);
  cluster.drain('n1', true);
  cluster.run(600);
  expect(cluster.holders()).not.toContain('n1-w');
  cluster.drain('n1', false);
  cluster.run(800);
  expect(loads(cluster)).toEqual({ 'n0-w': 2, 'n1-w': 2, 'n2-w': 2 });
  expectSafe(cluster);
});

test('what an agent keeps whose last worker has ended goes to the first one that becomes usable', () => {
  const cluster = start(2, 4);
  cluster.drain('n1', true);
  cluster.run(2000);
  expect(loads(cluster)).toEqual({ 'n0-w': 4 });
  cluster.killWorker('n0');
  cluster.run(2000);
  expect(loads(cluster)).toEqual({});
  cluster.drain('n1', false);
  cluster.run(800);
  expect(loads(cluster)).toEqual({ 'n1-w': 4 });
  expectSafe(cluster);
});

test('two workers of one agent share, and hand over without anybody else', () => {
  const cluster = new PoolCluster({ seed: 5, size: 1, count: 4 });
  cluster.attach('n0', 'a');
  cluster.attach('n0', 'b');
  cluster.run(8000);
  expect(loads(cluster)).toEqual({ a: 2, b: 2 });
  cluster.drain('n0', true, 'a');
  cluster.run(500);
  expect(loads(cluster)).toEqual({ b: 4 });
  expectSafe(cluster);
});

test('each side of a network partition has all, and when it ends the higher token stays', () => {
  const cluster = start(4);
  cluster.split(['n0', 'n1']);
  cluster.run(10_000);
  expect(cluster.holders().every((one) => one?.split('+').length === 2)).toBe(true);
  cluster.heal();
  cluster.run(5000);
  expect(cluster.holders().every((one) => one?.split('+').length === 1)).toBe(true);
  expect(loads(cluster)).toEqual({ 'n0-w': 2, 'n1-w': 2, 'n2-w': 2, 'n3-w': 2 });
  expect(cluster.tenures.some(({ lost }) => lost)).toBe(true);
});

test('what nobody can take is kept, and passed on when a worker is there', () => {
  const cluster = start(2, 4);
  cluster.drain('n0', true);
  cluster.drain('n1', true);
  cluster.run(1000);
  expect(cluster.holders().every((one) => one === undefined)).toBe(true);
  cluster.drain('n1', false);
  cluster.run(1000);
  expect(loads(cluster)).toEqual({ 'n1-w': 4 });
  expectSafe(cluster);
});

test('an agent that was suspended in the middle of a claim withdraws it, listens, and claims again', () => {
  const cluster = start(3, 6);
  const node = cluster.node('n1');
  const heldByIt = (): number => cluster.holders().filter((one) => one === 'n1-w').length;
  const claimsIt = (): boolean =>
    node.partitions
      .view(cluster.pool, cluster.world(node))
      ?.partitions.some(({ state, next }) => state === 'claimed' && next?.node === 'n1') ?? false;
  cluster.crash('n0');
  while (!claimsIt()) cluster.run(STEP);
  node.frozen = true;
  cluster.run(4000);
  node.frozen = false;
  cluster.run(4000);
  expect(heldByIt()).toBe(2);
  cluster.run(4000);
  expect(heldByIt()).toBe(3);
  expect(cluster.holders()).not.toContain(undefined);
  expectSafe(cluster);
});

test.each([
  ['has been idle', 12_000],
  ['has just started', 100],
])('an agent without workers that %s passes on what comes to it', (_, wait) => {
  const cluster = new PoolCluster({ seed: 1, size: 2, count: 4 });
  cluster.attach('n0');
  cluster.run(wait);
  const [n0, n1] = [cluster.node('n0'), cluster.node('n1')];
  const token = 2 ** 51;
  const to = { node: 'n1', id: 'n1-w' };
  const passed = encodeRow(cluster.pool, { partition: 0, state: 'passed', token, worker: '', to });
  const change = { key: rowKey(cluster.pool, 0), before: undefined, after: passed };
  n1.partitions.applyEntries('n0', [change], cluster.now, cluster.world(n1));
  cluster.run(9000);
  const seen = n0.partitions.view(cluster.pool, cluster.world(n0))?.partitions[0];
  expect([seen?.state, seen?.holder?.node]).toEqual(['held', 'n0']);
  expect(seen?.token).toBeGreaterThan(token);
});

/** As if an agent that was apart had come back, with a higher token than that of the holder, and had passed the partition on. */
function passToN0(cluster: PoolCluster, partition: number): void {
  const to = { node: 'n0', id: 'n0-w' };
  const passed = encodeRow(cluster.pool, { partition, state: 'passed', token: 2 ** 51, worker: '', to });
  const change = { key: rowKey(cluster.pool, partition), before: undefined, after: passed };
  for (const name of ['n0', 'n1']) {
    const node = cluster.node(name);
    node.partitions.applyEntries('n2', [change], cluster.now, cluster.world(node));
  }
}

test.each([
  ['a worker', () => undefined],
  ['an agent whose last worker has ended', (cluster: PoolCluster) => cluster.killWorker('n0')],
])('what was passed to %s waits for the holder of a lower token to let it go', (_, prepare) => {
  const cluster = start(3, 6, { releaseTime: () => 3000 });
  const partition = cluster.holders().indexOf('n1-w');
  prepare(cluster);
  cluster.run(4000);
  const from = cluster.now;
  passToN0(cluster, partition);
  cluster.run(8000);
  const next = cluster.tenures.find((one) => one.partition === partition && one.from > from);
  expect(next?.from).toBeGreaterThanOrEqual(from + 3000);
  expect(next?.from).toBeLessThan(from + 4500);
  expect(cluster.holders()).not.toContain(undefined);
  expectSafe(cluster);
});
