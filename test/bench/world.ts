/**
 * Speed of the simulated world: a thousand members in one process, idle and with ten crashing at once. `npx tsx
 * test/bench/world.ts [members]`; with `node --expose-gc --import tsx` memory is measured after a collection.
 */
import { createAgent } from '../../src/agent/agent.ts';
import { bootstrapByPushPull } from '../../src/sim/world/bootstrap.ts';
import { World } from '../../src/sim/world/world.ts';

export interface WorldFigures {
  readonly members: number;
  /** Virtual seconds per second of processor time. */
  readonly bootstrapping: number;
  readonly idle: number;
  readonly crashing: number;
  /** Processor seconds until all members knew one another and no broadcast was left. */
  readonly bootstrapSeconds: number;
  readonly heapMegabytes: number;
  /** While idle, over all members: packets per virtual second, and bytes per member and virtual second. */
  readonly packetsPerSecond: number;
  readonly bytesPerMemberSecond: number;
  /** Processor microseconds per packet sent, while ten crash. */
  readonly microsPerPacket: number;
  /** Virtual seconds from the crash until all ten had failed everywhere. */
  readonly detectedSeconds: number;
  readonly hash: string;
}

const SPAN_SECONDS = 60;
const CRASHES = 10;
const CHUNK_SECONDS = 5;

/** One run. The same seed gives the same `hash`. */
export function runWorld(members: number, seed: number): WorldFigures {
  const start = process.cpuUsage();
  const world = new World({ seed, makeAgent: createAgent, trace: { detail: 'facts', maxLines: 0 } });
  const labels = Array.from({ length: members }, (_, i) => `n${String(i).padStart(4, '0')}`);
  for (const label of labels) world.add(label, { disk: false });
  bootstrapByPushPull(world, labels);
  const bootstrapSeconds = secondsSince(start);
  const bootstrapping = world.now / 1000 / bootstrapSeconds;
  const heapMegabytes = heap();

  const before = { ...world.counts };
  const idleStart = process.cpuUsage();
  world.run(SPAN_SECONDS * 1000);
  const idle = SPAN_SECONDS / secondsSince(idleStart);
  const packets = world.counts.packets - before.packets;
  const bytes = world.counts.packetBytes - before.packetBytes;

  const dead = Array.from(
    { length: CRASHES },
    (_, i) => labels[7 + i * Math.floor(members / (CRASHES + 1))] as string,
  );
  const sentBefore = world.counts.packets;
  const crashAt = world.now;
  const crashBegan = process.cpuUsage();
  for (const label of dead) world.stop(label);
  let detectedSeconds = Number.POSITIVE_INFINITY;
  for (let passed = 0; passed < SPAN_SECONDS; passed += CHUNK_SECONDS) {
    world.run(CHUNK_SECONDS * 1000);
    if (detectedSeconds === Number.POSITIVE_INFINITY && allFailed(world, dead))
      detectedSeconds = (world.now - crashAt) / 1000;
  }
  const crashSeconds = secondsSince(crashBegan);
  return {
    members,
    bootstrapping,
    idle,
    crashing: SPAN_SECONDS / crashSeconds,
    bootstrapSeconds,
    heapMegabytes,
    packetsPerSecond: packets / SPAN_SECONDS,
    bytesPerMemberSecond: bytes / SPAN_SECONDS / members,
    microsPerPacket: (crashSeconds * 1e6) / (world.counts.packets - sentBefore),
    detectedSeconds,
    hash: world.trace.hash,
  };
}

/** Runs twice, prints the figures, and tells whether both runs were equal. */
export function run(members = 1000): { first: WorldFigures; same: boolean } {
  const first = runWorld(members, 7);
  const round = (value: number, digits = 1): string => value.toFixed(digits);
  console.log(`world of ${first.members} members, ${SPAN_SECONDS} virtual seconds each`);
  console.log(
    `  bootstrapped in ${round(first.bootstrapSeconds)} s (${round(first.bootstrapping)} x real time, processor time)`,
  );
  console.log(`  idle                  ${round(first.idle)} x real time`);
  console.log(`  ${CRASHES} crashing at once   ${round(first.crashing)} x real time`);
  console.log(`  known everywhere      within ${first.detectedSeconds} s`);
  console.log(`  packets per second    ${round(first.packetsPerSecond, 0)} in all`);
  console.log(`  bytes per member, s   ${round(first.bytesPerMemberSecond, 0)}`);
  console.log(`  per packet            ${round(first.microsPerPacket)} us`);
  console.log(`  heap once bootstrapped ${round(first.heapMegabytes, 0)} MB`);
  const second = runWorld(members, 7);
  const same = first.hash === second.hash;
  console.log(`  trace ${first.hash}, again ${second.hash}: ${same ? 'the same' : 'DIFFERENT'}`);
  return { first, same };
}

function allFailed(world: World, dead: readonly string[]): boolean {
  for (const host of world.hosts)
    if (host.running)
      for (const name of dead) if (host.runningAgent.view.member(name)?.status !== 'failed') return false;
  return true;
}

/** Processor seconds, which hardly depend on other load on the machine. */
function secondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

if (process.argv[1]?.endsWith('bench/world.ts') === true) {
  const members = Number(process.argv[2] ?? 1000);
  process.exitCode = run(members).same ? 0 : 1;
}
