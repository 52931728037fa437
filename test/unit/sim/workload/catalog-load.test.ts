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

test('the same seed draws the same deeds, of every kind', () => {
  const deeds = drawCatalogLoad(createRng(1), plan);
  expect(deeds).toEqual(drawCatalogLoad(createRng(1), plan));
  expect(deeds).not.toEqual(drawCatalogLoad(createRng(2), plan));
  expect(new Set(deeds.map(({ kind }) => kind))).toEqual(new Set(CATALOG_LOAD_KINDS));
  expect(new Set(deeds.map(({ serial }) => serial)).size).toBe(300);
});

test('an agent carries out every kind, and only what it carried out is counted', () => {
  const world = new World({ seed: 1, makeAgent: createAgent });
  for (const label of plan.hosts) world.add(label);
  world.start('ann');
  const done = new Set<string>();
  let count = 0;
  scheduleCatalogLoad(world, drawCatalogLoad(createRng(1), plan), ({ kind, who }) => {
    expect(who).toBe('ann');
    done.add(kind);
    count += 1;
  });
  world.run(plan.span);
  expect(done).toEqual(new Set(CATALOG_LOAD_KINDS));
  expect(count).toBeGreaterThan(50);
  expect(count).toBeLessThan(200);
  expect(world.host('ann').runningAgent.view.local.services().size).toBeGreaterThan(0);
});
