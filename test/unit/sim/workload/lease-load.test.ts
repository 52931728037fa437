import { expect, test } from 'vitest';
import { createAgent } from '../../../../src/agent/agent.ts';
import {
  drawLeaseLoad,
  LEASE_LOAD_KINDS,
  scheduleLeaseLoad,
} from '../../../../src/sim/workload/lease-load.ts';
import { World } from '../../../../src/sim/world/world.ts';

const plan = { hosts: ['ann', 'bob'], span: 60_000, count: 100 };
const SEED = 1;

test('the same seed draws the same actions, of every kind; about half of the seeds draw none', () => {
  const actions = drawLeaseLoad(SEED, plan);
  expect(actions).toEqual(drawLeaseLoad(SEED, plan));
  expect(new Set(actions.map(({ kind }) => kind))).toEqual(new Set(LEASE_LOAD_KINDS));
  const idle = Array.from({ length: 100 }, (_, seed) => drawLeaseLoad(seed, plan)).filter(
    ({ length }) => length === 0,
  );
  expect(idle.length).toBeGreaterThan(30);
  expect(idle.length).toBeLessThan(70);
});

test('an agent executes every kind of action, and only executed ones are counted', () => {
  const world = new World({ seed: 1, makeAgent: createAgent });
  for (const label of plan.hosts) world.add(label);
  world.start('ann');
  const kinds = new Set<string>();
  let count = 0;
  scheduleLeaseLoad(world, drawLeaseLoad(SEED, plan), ({ kind, host }) => {
    expect(host).toBe('ann');
    kinds.add(kind);
    count += 1;
  });
  const { local } = world.host('ann').runningAgent.view;
  let most = 0;
  for (let second = 0; second < 60; second++) {
    world.run(1000);
    most = Math.max(most, local.leases().size);
  }
  expect(kinds).toEqual(new Set(LEASE_LOAD_KINDS));
  expect(count).toBeGreaterThan(20);
  expect(count).toBeLessThan(80);
  expect(most).toBeGreaterThan(1);
});
