/**
 * Spread of catalog changes, and the cost of an idle catalog, in the simulated world. `npx tsx test/bench/spread.ts
 * [members]`; a thousand members take some minutes.
 */
import { createAgent } from '../../src/agent/agent.ts';
import { createStoryCatalog } from '../../src/sim/scenarios/story-catalog.ts';
import { makeService, makeTtlCheck } from '../../src/sim/workload/definitions.ts';
import { bootstrapByPushPull } from '../../src/sim/world/bootstrap.ts';
import { preloadCatalog } from '../../src/sim/world/preload.ts';
import { World } from '../../src/sim/world/world.ts';

export interface SpreadFigures {
  readonly members: number;
  readonly services: number;
  readonly loss: number;
  /** Time until each agent knew, over all agents and changes, in virtual milliseconds. */
  readonly median: number;
  readonly p99: number;
  readonly worst: number;
  /** Only deregistrations and checks that turn critical, which use the urgent lane. */
  readonly urgentP99: number;
  /** Without changes, per agent and virtual second, streams included. */
  readonly idlePackets: number;
  readonly idleBytes: number;
  /** Datagram bytes of one change, over all agents, above those of an idle cluster. */
  readonly bytesPerChange: number;
  readonly heapMegabytes: number;
}

export interface SpreadOptions {
  readonly members: number;
  /** Services of each agent, registered before the first measured change. */
  readonly services: number;
  readonly loss: number;
  readonly changes: number;
  readonly seed: number;
}

const LIMIT = 120_000;
const IDLE = 60_000;
/** Gossip of a change is over after this. */
const PAUSE = 8_000;

export function runSpread({ members, services, loss, changes, seed }: SpreadOptions): SpreadFigures {
  const world = new World({ seed, makeAgent: createAgent });
  const labels = Array.from({ length: members }, (_, i) => `n${String(i).padStart(4, '0')}`);
  for (const label of labels) world.add(label, { disk: false });
  bootstrapByPushPull(world, labels);
  const words = createStoryCatalog(world, () => {});
  preloadCatalog(world, () => {
    for (const label of labels)
      for (let i = 0; i < services; i++)
        words.register(label, makeService(`${label}-${i}`, { name: `service-${i}`, tags: ['http'] }));
  });
  world.run(PAUSE);
  const heapMegabytes = heap();
  world.network.linkQuality = { ...world.network.linkQuality, loss };

  const before = { ...world.counts };
  world.run(IDLE);
  const per = (IDLE / 1000) * members;
  const idlePackets = (world.counts.packets - before.packets) / per;
  const quietBytes = (world.counts.packetBytes - before.packetBytes) / IDLE;
  const idleBytes =
    (world.counts.packetBytes - before.packetBytes + world.counts.streamBytes - before.streamBytes) / per;

  const all: number[] = [];
  const urgent: number[] = [];
  let bytes = 0;
  const measure = (act: () => void, so: (label: string) => boolean, into: readonly number[][]): void => {
    const began = world.now;
    const sent = world.counts.packetBytes;
    act();
    const found = [...words.timeUntilEach(so, LIMIT).values()];
    while (found.length < members) found.push(LIMIT);
    for (const list of into) list.push(...found);
    world.run(PAUSE);
    bytes += world.counts.packetBytes - sent - quietBytes * (world.now - began);
  };
  for (let i = 0; i < changes; i++) {
    const by = labels[(i * 37) % members] as string;
    const service = makeService(`new-${i}`, { name: `new-${i}` });
    const has = (label: string): boolean => words.passing(label, service.name).length > 0;
    measure(() => words.register(by, service, [makeTtlCheck(`of-${i}`, service.id)]), has, [all]);
    measure(
      () => words.setCheck(by, `of-${i}`, 'critical'),
      (label) => !has(label),
      [all, urgent],
    );
    measure(() => words.setCheck(by, `of-${i}`, 'passing'), has, [all]);
    measure(
      () => words.deregister(by, service.id),
      (label) => !has(label),
      [all, urgent],
    );
  }
  return {
    members,
    services,
    loss,
    median: at(all, 0.5),
    p99: at(all, 0.99),
    worst: at(all, 1),
    urgentP99: at(urgent, 0.99),
    idlePackets,
    idleBytes,
    bytesPerChange: bytes / (4 * changes),
    heapMegabytes,
  };
}

/** Runs the sizes of goal G3 and, unless `members` is 100, a larger world, and prints the figures. */
export function run(members = 1000): readonly SpreadFigures[] {
  const runs: SpreadOptions[] = [
    ...[0, 0.1, 0.3, 0.5].map((loss) => ({ members: 100, services: 10, loss, changes: 10, seed: 11 })),
    ...(members === 100 ? [] : [{ members, services: 0, loss: 0, changes: 1, seed: 12 }]),
    ...(members === 100 ? [] : [{ members, services: 10, loss: 0, changes: 3, seed: 12 }]),
  ];
  console.log(
    'agents  services  loss  median ms   p99  worst  urgent p99  idle packets/s  bytes/s  a change, kB  heap MB',
  );
  return runs.map((options) => {
    const figures = runSpread(options);
    const { median, p99, worst, urgentP99, idlePackets, idleBytes, bytesPerChange, heapMegabytes } = figures;
    const column = (value: number | string, width: number): string => String(value).padStart(width);
    console.log(
      [
        column(options.members, 6),
        column(options.members * options.services, 9),
        column(options.loss, 5),
        column(median, 10),
        column(p99, 5),
        column(worst, 6),
        column(urgentP99, 11),
        column(idlePackets.toFixed(2), 15),
        column(idleBytes.toFixed(0), 8),
        column((bytesPerChange / 1000).toFixed(1), 13),
        column(heapMegabytes.toFixed(0), 8),
      ].join(' '),
    );
    return figures;
  });
}

const at = (found: readonly number[], part: number): number =>
  Math.round([...found].sort((a, b) => a - b)[Math.max(0, Math.ceil(part * found.length) - 1)] ?? Number.NaN);

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

if (process.argv[1]?.endsWith('bench/spread.ts') === true) run(Number(process.argv[2] ?? 1000));
