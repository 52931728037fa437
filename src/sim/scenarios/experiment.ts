/**
 * Experiments for `hearsay simulate`: a cluster with chosen settings, in which some members are killed, paused or
 * partitioned, and what an outside observer measures. The same options give the same numbers.
 */
import { createAgent } from '../../agent/agent.ts';
import { shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { SerfConfig, SwimConfig } from '../../config/protocol.ts';
import { disagreements } from '../laws/index.ts';
import { bootstrapByPushPull } from '../world/bootstrap.ts';
import { World } from '../world/world.ts';

export interface ExperimentOptions {
  readonly seed: number;
  readonly members: number;
  /** Length of the measurement; faults occur within it. */
  readonly duration: Millis;
  /** Chance that a datagram is lost. */
  readonly loss: number;
  /** One-way delay, the same on all links. */
  readonly latency: Millis;
  /** Members that are killed, evenly spread over the duration. */
  readonly kills: number;
  /** Members whose process is suspended for `span`, again and again, once in each `every`. */
  readonly pauses?: { readonly members: number; readonly span: Millis; readonly every: Millis };
  /** Length of a partition in the middle of the duration, which cuts off a third of the members. */
  readonly partition?: Millis;
  readonly swim: SwimConfig;
  readonly serf: SerfConfig;
}

export interface ExperimentResult {
  /** For each crash that all members detected: the time until the first did, and until the last did. */
  readonly first: readonly Millis[];
  readonly all: readonly Millis[];
  /** For each crash and each member that detected it, in no particular order. */
  readonly known: readonly Millis[];
  /** Crashes that not all members had detected when the run ended. */
  readonly unnoticed: number;
  /** How often a member was declared dead that was neither killed nor paused nor partitioned. */
  readonly falseDeaths: number;
  /** Those of them by members that were neither paused nor partitioned. */
  readonly falseDeathsAtHealthy: number;
  readonly falseSuspicions: number;
  /** How often a member was declared dead that was paused, or on the other side of the partition. */
  readonly unreachableDeclaredDead: number;
  /** Packets and bytes are per member and second of the duration. */
  readonly packets: number;
  readonly packetBytes: number;
  readonly streamBytes: number;
  /**
   * Time from the end of the duration, when all faults are over, until all agree; `undefined` if they do not within the
   * limit.
   */
  readonly agreedAfter: Millis | undefined;
  /** Hash of the whole run. */
  readonly hash: string;
}

/** How long the run waits for detection and agreement after the faults. */
const MAX_WAIT: Millis = 180_000;
const WARM_UP: Millis = 5000;

export function runExperiment(options: ExperimentOptions): ExperimentResult {
  const { members, duration, loss, latency, swim, serf } = options;
  const world = new World({
    seed: options.seed,
    makeAgent: createAgent,
    linkQuality: { latency },
    trace: { detail: 'facts', maxLines: 0 },
  });
  const labels = Array.from({ length: members }, (_, i) => `m${String(i + 1).padStart(4, '0')}`);
  for (const label of labels) world.add(label, { disk: false, swim, serf });
  bootstrapByPushPull(world, labels);
  world.network.linkQuality = { ...world.network.linkQuality, loss };
  world.run(WARM_UP);

  const stats = new ExperimentStats(world);
  const before = { ...world.counts };
  const shuffled = shuffle([...labels], world.rng.fork());
  scheduleExperimentFaults(world, options, shuffled, stats);
  world.run(duration);
  const memberSeconds = (duration / 1000) * members;
  const { packets, packetBytes, streamBytes } = world.counts;
  const end = world.now;
  const agreed = world.runUntil(
    () => stats.unnoticed === 0 && disagreements(world).length === 0,
    MAX_WAIT,
    100,
  );
  return {
    ...stats.result(),
    packets: (packets - before.packets) / memberSeconds,
    packetBytes: (packetBytes - before.packetBytes) / memberSeconds,
    streamBytes: (streamBytes - before.streamBytes) / memberSeconds,
    agreedAfter: agreed ? world.now - end : undefined,
    hash: world.trace.hash,
  };
}

/** Schedules all faults. Members that are killed are never among those that are paused. */
function scheduleExperimentFaults(
  world: World,
  options: ExperimentOptions,
  shuffled: readonly string[],
  stats: ExperimentStats,
): void {
  const { duration, kills, pauses, partition } = options;
  const start = world.now;
  const end = start + duration;
  const killed = shuffled.slice(0, kills);
  killed.forEach((label, i) => {
    world.schedule(start + ((i + 1) * duration) / (kills + 1), () => {
      stats.recordKill(label);
      world.resume(label);
      world.stop(label, { powerOff: true });
    });
  });
  const survivors = shuffled.slice(kills);
  if (pauses !== undefined)
    for (const label of survivors.slice(0, pauses.members)) {
      stats.paused.add(label);
      for (let at = start; at < end; at += pauses.every) {
        world.schedule(at, () => world.pause(label));
        world.schedule(Math.min(end, at + pauses.span), () => world.resume(label));
      }
    }
  if (partition !== undefined) {
    const side = survivors.slice(-Math.max(1, Math.floor(shuffled.length / 3)));
    const others = shuffled.filter((label) => !side.includes(label));
    const at = start + (duration - partition) / 2;
    world.schedule(at, () => {
      for (const label of side) stats.partitioned.add(label);
      const lifts = [
        world.network.addRule({ from: side, to: others }),
        world.network.addRule({ from: others, to: side }),
      ];
      world.schedule(at + partition, () => {
        for (const lift of lifts) lift();
      });
    });
  }
}

/** Records which members declared which others dead, and when. */
class ExperimentStats {
  /** Members that are paused again and again. */
  readonly paused = new Set<string>();
  /** Members on the smaller side of the partition, from its beginning on. */
  readonly partitioned = new Set<string>();
  readonly #world: World;
  readonly #crashes = new Map<string, { at: Millis; knownAt: Map<string, Millis> }>();
  #falseDeaths = 0;
  #falseDeathsAtHealthy = 0;
  #falseSuspicions = 0;
  #unreachableDeclaredDead = 0;

  constructor(world: World) {
    this.#world = world;
    world.subscribe({
      onEffects: (host, facts) => {
        for (const fact of facts)
          if (fact.kind === 'memberFailed') this.#recordFailed(fact.node, host.label);
          else if (fact.kind === 'memberSuspected' && this.#isHealthy(fact.node)) {
            if (this.partitioned.has(fact.node) === this.partitioned.has(host.label))
              this.#falseSuspicions += 1;
          }
      },
    });
  }

  recordKill(label: string): void {
    this.#crashes.set(label, { at: this.#world.now, knownAt: new Map() });
  }

  get unnoticed(): number {
    return [...this.#crashes.values()].filter((crash) => !this.#isKnownToAll(crash.knownAt)).length;
  }

  result(): Pick<
    ExperimentResult,
    | 'first'
    | 'all'
    | 'known'
    | 'unnoticed'
    | 'falseDeaths'
    | 'falseDeathsAtHealthy'
    | 'falseSuspicions'
    | 'unreachableDeclaredDead'
  > {
    const noticed = [...this.#crashes.values()].filter(({ knownAt }) => this.#isKnownToAll(knownAt));
    const spans = noticed.map(({ at, knownAt }) => [...knownAt.values()].map((known) => known - at));
    return {
      first: spans.map((all) => Math.min(...all)),
      all: spans.map((all) => Math.max(...all)),
      known: spans.flat(),
      unnoticed: this.unnoticed,
      falseDeaths: this.#falseDeaths,
      falseDeathsAtHealthy: this.#falseDeathsAtHealthy,
      falseSuspicions: this.#falseSuspicions,
      unreachableDeclaredDead: this.#unreachableDeclaredDead,
    };
  }

  #recordFailed(node: string, by: string): void {
    const crash = this.#crashes.get(node);
    if (crash !== undefined) {
      if (!crash.knownAt.has(by)) crash.knownAt.set(by, this.#world.now);
    } else if (this.paused.has(node) || this.partitioned.has(node) !== this.partitioned.has(by))
      this.#unreachableDeclaredDead += 1;
    else if (this.#isHealthy(node)) {
      this.#falseDeaths += 1;
      if (this.#isHealthy(by)) this.#falseDeathsAtHealthy += 1;
    }
  }

  #isHealthy(label: string): boolean {
    return !this.paused.has(label) && !this.#crashes.has(label);
  }

  #isKnownToAll(knownAt: ReadonlyMap<string, Millis>): boolean {
    for (const { label, running } of this.#world.hosts) if (running && !knownAt.has(label)) return false;
    return true;
  }
}
