import { expect, test } from 'vitest';
import { createAgent } from '../../../../src/agent/agent.ts';
import { createRng } from '../../../../src/base/rng.ts';
import {
  CATALOG_LOAD_KINDS,
  drawCatalogLoad,
  scheduleCatalogLoad,
} from '../../../../src/sim/workload/catalog-load.ts';
import { World } from '../../../../src/sim/world/world.ts';

const plan = { hosts: ['ann', 'bob'], span: 60_000, count: 300 };

test('the same seed draws the same actions, of every kind', () => {
  const actions = drawCatalogLoad(createRng(1), plan);
  expect(actions).toEqual(drawCatalogLoad(createRng(1), plan));
  expect(actions).not.toEqual(drawCatalogLoad(createRng(2), plan));
  expect(new Set(actions.map(({ kind }) => kind))).toEqual(new Set(CATALOG_LOAD_KINDS));
  expect(new Set(actions.map(({ serial }) => serial)).size).toBe(300);
});

test('an agent executes every kind of action, and only executed ones are counted', () => {
  const world = new World({ seed: 1, makeAgent: createAgent });
  for (const label of plan.hosts) world.add(label);
  world.start('ann');
  const kinds = new Set<string>();
  let count = 0;
  scheduleCatalogLoad(world, drawCatalogLoad(createRng(1), plan), ({ kind, host }) => {
    expect(host).toBe('ann');
    kinds.add(kind);
    count += 1;
  });
  world.run(plan.span);
  expect(kinds).toEqual(new Set(CATALOG_LOAD_KINDS));
  expect(count).toBeGreaterThan(50);
  expect(count).toBeLessThan(200);
  expect(world.host('ann').runningAgent.view.local.services().size).toBeGreaterThan(0);
});
