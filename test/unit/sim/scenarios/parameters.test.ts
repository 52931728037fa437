import { expect, test } from 'vitest';
import { createRng } from '../../../../src/base/rng.ts';
import { BYZANTINE_KINDS, FAULT_KINDS, injectFault } from '../../../../src/sim/faults/index.ts';
import {
  drawHostOptions,
  drawParameters,
  isByzantine,
  isOnlyByzantine,
  LOSS_LEVELS,
} from '../../../../src/sim/scenarios/parameters.ts';
import { RunStats } from '../../../../src/sim/scenarios/run-stats.ts';
import { createStory } from '../../../../src/sim/scenarios/story.ts';

const drawn = Array.from({ length: 400 }, (_, seed) => drawParameters(createRng(seed), 10));

test('seeds differ in every parameter', () => {
  expect(new Set(drawn.flatMap(({ kinds }) => kinds))).toEqual(new Set([...FAULT_KINDS, ...BYZANTINE_KINDS]));
  expect(new Set(drawn.map(({ loss }) => loss))).toEqual(new Set(LOSS_LEVELS));
  for (const what of [
    'encrypted',
    'gossipLabel',
    'v6',
    'compressed',
    'serfPeers',
    'driftPpm',
    'reorder',
    'shortRetention',
  ] as const)
    expect(new Set(drawn.map((parameters) => Boolean(parameters[what]))).size).toBe(2);
  expect(drawn.filter(({ kinds }) => kinds.length === 0).length).toBeGreaterThan(10);
});

test('Byzantine senders occur without Serf peers: alone and without loss, or together with crashes, partitions and some loss', () => {
  const byzantine = drawn.filter(isByzantine);
  for (const parameters of byzantine) {
    expect(parameters.serfPeers).toBe(0);
    expect(parameters.loss).toBeLessThanOrEqual(isOnlyByzantine(parameters) ? 0 : 0.1);
  }
  expect(new Set(byzantine.map(isOnlyByzantine)).size).toBe(2);
  expect(byzantine.some(({ kinds, loss }) => kinds.includes('partition') && loss > 0)).toBe(true);
});

test('given parameters are not drawn, and change nothing else', () => {
  const parameters = drawParameters(createRng(3), 10);
  expect(drawParameters(createRng(3), 10, { kinds: ['stall'], loss: 0.3 })).toEqual({
    ...parameters,
    kinds: ['stall'],
    loss: 0.3,
  });
});

test('hosts share one key, and the first three are never Serf peers', () => {
  const parameters = { ...drawParameters(createRng(3), 10), encrypted: true, serfPeers: 7 };
  const hosts = [
    ...drawHostOptions(
      parameters,
      Array.from({ length: 10 }, (_, i) => `n${i}`),
      createRng(4),
    ).values(),
  ];
  expect(new Set(hosts.map(({ keys }) => keys?.[0])).size).toBe(1);
  expect(hosts.map(({ serfPeer }) => serfPeer === true)).toEqual([
    ...Array(3).fill(false),
    ...Array(7).fill(true),
  ]);
});

test('statistics count the death of a healthy member as a false one, and no other', () => {
  const { world, cut } = createStory('ann bob cat dan', { seed: 1, detail: 'facts' });
  const stats = new RunStats(world);
  world.run(10_000);
  expect(stats.healthyMillis).toBe(40_000);

  world.stop('cat');
  world.run(30_000);
  expect(stats.stateCounts).toMatchObject({ dead: 3 });
  expect(stats.falseDeaths).toBe(0);

  cut('bob', '*');
  world.run(30_000);
  expect(stats.falseDeaths).toBeGreaterThan(0);
});

test('statistics do not count affected hosts, nor for a minute after the fault', () => {
  const { world } = createStory('ann bob cat dan', { seed: 1, detail: 'facts' });
  const stats = new RunStats(world);
  const fault = { at: 0, span: 30_000, kind: 'partition', side: ['ann'], oneWay: false } as const;
  stats.recordFault(fault);
  injectFault(world, fault);
  world.run(60_000);

  expect(stats.faultCounts).toEqual({ partition: 1 });
  expect(stats.stateCounts.dead).toBeGreaterThan(0);
  expect([stats.falseDeaths, stats.healthyMillis]).toEqual([0, 0]);
  world.run(60_000);
  expect(stats.healthyMillis).toBeGreaterThan(100_000);
});
