import { expect, test } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { drawFaults, unleash } from '../../../src/sim/faults.ts';
import { echoes } from './echo.ts';

const hosts = ['ann', 'bob', 'cat'];
const plan = { hosts, span: 300_000, count: 200 };

test('the same seed draws the same troubles, all of them inside the span', () => {
  const faults = drawFaults(createRng(5), plan);

  expect(faults).toEqual(drawFaults(createRng(5), plan));
  expect(faults).not.toEqual(drawFaults(createRng(6), plan));
  expect(faults).toHaveLength(200);
  for (const { at, span } of faults) {
    expect(at).toBeGreaterThanOrEqual(0);
    expect(span).toBeGreaterThan(0);
    expect(at + span).toBeLessThanOrEqual(plan.span);
  }
});

test('every kind is drawn, or only those asked for', () => {
  const kinds = new Set(drawFaults(createRng(5), plan).map((fault) => fault.kind));
  expect([...kinds].sort()).toEqual([
    'crash',
    'duplicates',
    'forget',
    'leave',
    'loss',
    'lossyLink',
    'partition',
    'retag',
    'scatter',
    'silence',
    'stall',
  ]);

  const some = drawFaults(createRng(5), { ...plan, kinds: ['stall'] });
  expect(new Set(some.map((fault) => fault.kind))).toEqual(new Set(['stall']));
});

test('when they are over, everybody runs again and every path is open', () => {
  const { world, echo, send } = echoes('ann bob cat');
  unleash(world, drawFaults(createRng(9), plan));
  world.run(plan.span + 1);

  expect(hosts.map((label) => world.host(label).running && !world.host(label).paused)).toEqual([
    true,
    true,
    true,
  ]);
  expect(world.host('ann').lives + world.host('bob').lives + world.host('cat').lives).toBeGreaterThan(3);
  for (let i = 0; i < 20; i++) {
    send('ann', 'bob', `${i}`);
    world.run(10);
  }
  expect(echo('bob').text('packet').slice(-20)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
});

test('only troubles that really came are counted: who is down is not struck again', () => {
  const { world } = echoes('ann bob cat');
  const struck: string[] = [];
  const crash = {
    kind: 'crash',
    who: 'ann',
    dark: false,
    remember: false,
    moved: false,
    clock: -5000,
  } as const;
  unleash(
    world,
    [
      { at: 0, span: 1000, ...crash },
      { at: 500, span: 1000, ...crash },
      { at: 500, span: 100, kind: 'duplicates', chance: 1, copies: 2, late: 0 },
    ],
    (fault) => struck.push(fault.kind),
  );
  world.run(2000);

  expect(struck).toEqual(['crash', 'duplicates']);
  expect(world.host('ann').running).toBe(true);
  expect(world.host('ann').clock).toBe(-5000);
});

test('who is forgotten dies, is named to another, and comes back', () => {
  const { world, echo } = echoes('ann bob cat');
  unleash(world, [
    { at: 0, span: 1000, kind: 'forget', who: 'ann', by: 'bob', prune: true, remember: false },
  ]);
  world.run(800);
  expect(world.host('ann').running).toBe(false);
  expect(
    echo('bob').heard.map(({ input }) => (input.kind === 'command' ? input.command : undefined)),
  ).toContainEqual({
    kind: 'forget',
    node: 'ann',
    prune: true,
    refuseLive: true,
  });
  world.run(300);
  expect(world.host('ann').running).toBe(true);
});
