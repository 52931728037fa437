import { expect, test } from 'vitest';
import { createRng } from '../../../../src/base/rng.ts';
import { FAULT_KINDS, HOSTILE_KINDS, strike } from '../../../../src/sim/faults/index.ts';
import { drawSetting, hostsOf, LOSSES } from '../../../../src/sim/scenarios/parameters.ts';
import { Tally } from '../../../../src/sim/scenarios/run-stats.ts';
import { story } from '../../../../src/sim/scenarios/story.ts';

const settings = Array.from({ length: 400 }, (_, seed) => drawSetting(createRng(seed), 10));

test('seeds differ in everything that may differ', () => {
  expect(new Set(settings.flatMap(({ kinds }) => kinds))).toEqual(
    new Set([...FAULT_KINDS, ...HOSTILE_KINDS]),
  );
  expect(new Set(settings.map(({ loss }) => loss))).toEqual(new Set(LOSSES));
  for (const what of ['encrypted', 'label', 'v6', 'compressed', 'plain', 'driftPpm', 'reorder'] as const)
    expect(new Set(settings.map((setting) => Boolean(setting[what]))).size).toBe(2);
  expect(settings.filter(({ kinds }) => kinds.length === 0).length).toBeGreaterThan(10);
});

test('liars come alone, and where nothing is lost and all are our own', () => {
  for (const { kinds, loss, plain } of settings)
    if (kinds.includes('traitor'))
      expect({ kinds, loss, plain }).toEqual({ kinds: ['traitor'], loss: 0, plain: 0 });
});

test('what is given is not drawn, and changes nothing else', () => {
  const drawn = drawSetting(createRng(3), 10);
  expect(drawSetting(createRng(3), 10, { kinds: ['stall'], loss: 0.3 })).toEqual({
    ...drawn,
    kinds: ['stall'],
    loss: 0.3,
  });
});

test('hosts share one key, and the first three are never plain', () => {
  const setting = { ...drawSetting(createRng(3), 10), encrypted: true, plain: 7 };
  const hosts = [
    ...hostsOf(
      setting,
      Array.from({ length: 10 }, (_, i) => `n${i}`),
      createRng(4),
    ).values(),
  ];
  expect(new Set(hosts.map(({ keys }) => keys?.[0])).size).toBe(1);
  expect(hosts.map(({ plain }) => plain === true)).toEqual([...Array(3).fill(false), ...Array(7).fill(true)]);
});

test('a tally counts the death of a healthy member as a false one, and no other', () => {
  const { world, cut } = story('ann bob cat dan', { seed: 1, detail: 'facts' });
  const tally = new Tally(world);
  world.run(10_000);
  expect(tally.healthyMillis).toBe(40_000);

  world.stop('cat');
  world.run(30_000);
  expect(tally.states).toMatchObject({ dead: 3 });
  expect(tally.falseDeaths).toBe(0);

  cut('bob', '*');
  world.run(30_000);
  expect(tally.falseDeaths).toBeGreaterThan(0);
});

test('a tally does not count who was struck, nor for a minute after', () => {
  const { world } = story('ann bob cat dan', { seed: 1, detail: 'facts' });
  const tally = new Tally(world);
  const fault = { at: 0, span: 30_000, kind: 'partition', side: ['ann'], oneWay: false } as const;
  tally.note(fault);
  strike(world, fault);
  world.run(60_000);

  expect(tally.struck).toEqual({ partition: 1 });
  expect(tally.states.dead).toBeGreaterThan(0);
  expect([tally.falseDeaths, tally.healthyMillis]).toEqual([0, 0]);
  world.run(60_000);
  expect(tally.healthyMillis).toBeGreaterThan(100_000);
});
