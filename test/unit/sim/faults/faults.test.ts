import { expect, test } from 'vitest';
import { createRng } from '../../../../src/base/rng.ts';
import { decodeSnapshotFile, encodeSnapshotFile } from '../../../../src/shell/storage/snapshot.ts';
import {
  affectedHosts,
  BYZANTINE_KINDS,
  drawFaults,
  FAULT_KINDS,
  type Fault,
  scheduleFaults,
} from '../../../../src/sim/faults/index.ts';
import { poisonCatalog, poisonSnapshot } from '../../../../src/sim/faults/poisoned-births.ts';
import { decodeCatalogSnapshot, encodeCatalogSnapshot } from '../../../../src/wire/catalog.ts';
import { createEchoWorld } from '../echo-agent.ts';

const hosts = ['ann', 'bob', 'cat'];
const plan = { hosts, span: 300_000, count: 200 };

test('the same seed draws the same faults, all of them within the span', () => {
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

test('every kind is drawn, or only those given; Byzantine ones only if given; rare ones not too often', () => {
  const faults = drawFaults(createRng(5), { ...plan, count: 500 });
  expect(new Set(faults.map((fault) => fault.kind))).toEqual(new Set(FAULT_KINDS));
  expect(faults.filter((fault) => fault.kind === 'wholeRestart')).toHaveLength(1);
  for (const kind of BYZANTINE_KINDS) expect(FAULT_KINDS).not.toContain(kind);
  expect(BYZANTINE_KINDS).toEqual(['byzantine', 'replay', 'heavyStreams', 'poisonedBirth']);

  const some = drawFaults(createRng(5), { ...plan, kinds: ['stall'] });
  expect(new Set(some.map((fault) => fault.kind))).toEqual(new Set(['stall']));
  expect(drawFaults(createRng(5), { ...plan, kinds: [] })).toEqual([]);
});

test('a poisoned snapshot is one that an agent may be given: its files can be read', () => {
  const saved = {
    ...{ incarnation: 3, clocks: { member: 5, event: 6, query: 7 }, epoch: 8, at: 9 },
    peers: [{ name: 'bob', addr: '10.0.0.1:7946' }],
  };
  const entries = [{ key: 's:a' as const, version: 4, value: undefined }];
  const ledger = { owner: 'bob', epoch: 5, from: 0, to: 6, swept: 2, entries };
  const catalog = encodeCatalogSnapshot({ owner: 'ann', epoch: 8, version: 2, ledgers: [ledger] });
  const seen = new Set<number>();
  for (let seed = 0; seed < 300; seed++) {
    const poisoned = poisonSnapshot(saved, ['ann', 'ANN', ''], createRng(seed));
    expect(decodeSnapshotFile(encodeSnapshotFile(poisoned))).toEqual(poisoned);
    seen.add(poisoned.incarnation);
    expect(decodeCatalogSnapshot(poisonCatalog(catalog, ['ann', ''], createRng(seed))).owner).toBe('ann');
  }
  expect([...seen]).toEqual(expect.arrayContaining([0, 3, 2 ** 32 - 1]));
});

test('a schedule is plain data', () => {
  const faults = drawFaults(createRng(5), { ...plan, kinds: [...FAULT_KINDS, ...BYZANTINE_KINDS] });
  expect(JSON.parse(JSON.stringify(faults))).toEqual(faults);
});

test('after all faults every host runs again and every path is open', () => {
  const { world, echo, send } = createEchoWorld('ann bob cat');
  scheduleFaults(world, drawFaults(createRng(9), plan));
  world.run(plan.span + 1);

  expect(hosts.map((label) => world.host(label).running && !world.host(label).paused)).toEqual([
    true,
    true,
    true,
  ]);
  expect(
    world.host('ann').bootCount + world.host('bob').bootCount + world.host('cat').bootCount,
  ).toBeGreaterThan(3);
  for (let i = 0; i < 20; i++) {
    send('ann', 'bob', `${i}`);
    world.run(10);
  }
  expect(echo('bob').text('packet').slice(-20)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
});

test('only faults that were injected are counted: a host that is down is skipped', () => {
  const { world } = createEchoWorld('ann bob cat');
  const injected: string[] = [];
  const crash = {
    kind: 'crash',
    host: 'ann',
    powerOff: false,
    restore: false,
    newAddress: false,
    wallClockOffset: -5000,
  } as const;
  scheduleFaults(
    world,
    [
      { at: 0, span: 1000, ...crash },
      { at: 500, span: 1000, ...crash },
      { at: 500, span: 100, kind: 'duplicates', chance: 1, copies: 2, maxCopyDelay: 0 },
    ],
    (fault) => injected.push(fault.kind),
  );
  world.run(2000);

  expect(injected).toEqual(['crash', 'duplicates']);
  expect(world.host('ann').running).toBe(true);
  expect(world.host('ann').wallClockOffset).toBe(-5000);
});

test('forget: the host dies, another host gets the command, and the host comes back', () => {
  const { world, echo } = createEchoWorld('ann bob cat');
  scheduleFaults(world, [
    { at: 0, span: 1000, kind: 'forget', host: 'ann', by: 'bob', prune: true, restore: false },
  ]);
  world.run(800);
  expect(world.host('ann').running).toBe(false);
  expect(
    echo('bob').received.map(({ input }) => (input.kind === 'command' ? input.command : undefined)),
  ).toContainEqual({
    kind: 'forget',
    node: 'ann',
    prune: true,
    refuseLive: true,
  });
  world.run(300);
  expect(world.host('ann').running).toBe(true);
});

test('affected hosts do not count as healthy', () => {
  const { world } = createEchoWorld('ann bob cat');
  const victims = (fault: object): readonly string[] =>
    affectedHosts(world, { at: 0, span: 1, ...fault } as Fault);

  expect(victims({ kind: 'stall', host: 'ann' })).toEqual(['ann']);
  expect(victims({ kind: 'mesh', links: [['ann', 'bob']] })).toEqual(['ann', 'bob']);
  expect(victims({ kind: 'loss', chance: 0.1 })).toEqual(hosts);
  expect(victims({ kind: 'clockJump', host: 'ann', by: 1 })).toEqual([]);
});

test('repeated stalls and a busy loop pause and resume a process, and end', () => {
  const { world } = createEchoWorld('ann bob cat');
  let paused = 0;
  const look = (): void => {
    if (world.host('ann').paused) paused += 1;
    world.schedule(world.now + 10, look);
  };
  look();
  scheduleFaults(world, [{ at: 0, span: 60_000, kind: 'busyLoop', hosts: ['ann'], block: 200, duty: 0.25 }]);
  world.run(61_000);
  expect(paused / 6000).toBeCloseTo(0.25, 1);

  paused = 0;
  scheduleFaults(world, [{ at: 0, span: 60_000, kind: 'repeatedStalls', hosts: ['ann'], seed: 4 }]);
  world.run(61_000);
  expect(paused).toBeGreaterThan(500);
  expect(paused).toBeLessThan(6000);
  expect(world.host('ann').paused).toBe(false);
});
