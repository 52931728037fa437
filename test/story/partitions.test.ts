/** Partitions on whole agents: I42 to I44 while workers are drained, agents die and come back. */
import { expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.ts';
import { serfSection, swimSection } from '../../src/config/protocol.ts';
import { withDefaults } from '../../src/config/setting.ts';
import { PartitionObserver } from '../../src/sim/laws/partitions.ts';
import { SerfPeer } from '../../src/sim/peers/serf-peer.ts';
import { SimWorkers } from '../../src/sim/workload/workers.ts';
import { joinOthers } from '../../src/sim/world/bootstrap.ts';
import { World } from '../../src/sim/world/world.ts';

const COUNT = 8;
const LABELS = ['a', 'b', 'c', 'd'];
const POOL = { service: 'tasks', count: COUNT };

function start(world: World, workers: SimWorkers, label: string): void {
  world.start(label);
  joinOthers(world, label);
  world.command(label, {
    kind: 'registerService',
    service: {
      ...{ id: `w-${label}`, name: 'tasks', tags: [], address: '', port: 80, ports: [] },
      ...{ taggedAddresses: new Map(), meta: new Map(), weights: { passing: 1, warning: 1 } },
      enableTagOverride: false,
    },
    checks: [],
    replaceChecks: false,
  });
  workers.start(label, POOL, `w-${label}`);
}

test.each([1, 2, 3])(
  'seed %i: one holder at a time, rising tokens, and only the share of who goes moves',
  (seed) => {
    const world = new World({ seed, makeAgent: (options) => createAgent(options) });
    for (const label of LABELS)
      world.add(label, { swim: withDefaults(swimSection), serf: withDefaults(serfSection) });
    const workers = new SimWorkers(world);
    const observer = new PartitionObserver(workers);
    for (const label of LABELS) start(world, workers, label);
    world.run(20_000);
    const first = workers.holders(COUNT);
    expect(LABELS.map((label) => first.filter((one) => one === label).length)).toEqual([2, 2, 2, 2]);

    world.command('b', { kind: 'drain', service: 'w-b', on: true });
    world.run(2000);
    const drained = workers.holders(COUNT);
    expect(drained).not.toContain(undefined);
    expect(first.filter((one, i) => one !== drained[i])).toEqual(['b', 'b']);

    world.command('b', { kind: 'drain', service: 'w-b', on: false });
    world.run(3000);
    const back = workers.holders(COUNT);
    expect(back.filter((one) => one === 'b')).toHaveLength(2);
    expect(drained.filter((one, i) => one !== back[i])).toHaveLength(2);

    world.stop('c', { powerOff: true });
    world.run(20_000);
    const without = workers.holders(COUNT);
    expect(without).not.toContain(undefined);
    expect(back.filter((one, i) => one !== without[i])).toEqual(['c', 'c']);

    start(world, workers, 'c');
    world.run(15_000);
    expect(workers.holders(COUNT).filter((one) => one === 'c')).toHaveLength(2);
    expect(observer.violations).toEqual([]);
  },
);

test('an agent of which only a plain Serf agent of its name is left has no partitions any more', () => {
  const plain = new Set<string>();
  const world = new World({
    seed: 1,
    makeAgent: (options, { label }) => (plain.has(label) ? new SerfPeer(options) : createAgent(options)),
  });
  for (const label of LABELS)
    world.add(label, { swim: withDefaults(swimSection), serf: withDefaults(serfSection) });
  const workers = new SimWorkers(world);
  for (const label of LABELS) start(world, workers, label);
  world.run(20_000);
  expect(workers.holders(COUNT).filter((one) => one === 'c')).toHaveLength(2);

  world.stop('c');
  plain.add('c');
  world.start('c');
  joinOthers(world, 'c');
  world.run(5000);
  expect(world.host('a').runningAgent.view.member('c')?.status).toBe('alive');
  const holders = workers.holders(COUNT);
  expect(holders).not.toContain(undefined);
  expect(holders).not.toContain('c');
});
