/**
 * Lifeguard's experiments: some members stop processing messages for a while, again and again or once, and false
 * positives and detections are counted. Nobody dies in these worlds.
 *
 * Source: Lifeguard §V, "Interval" and "Threshold".
 */
import { createAgent } from '../../src/agent/agent.ts';
import { NO_BYTES } from '../../src/base/bytes.ts';
import { shuffle } from '../../src/base/rng.ts';
import type { Millis } from '../../src/base/time.ts';
import type { SwimConfig } from '../../src/config/protocol.ts';
import { bootstrapByPushPull } from '../../src/sim/world/bootstrap.ts';
import { World } from '../../src/sim/world/world.ts';
import { BlockedMember } from './blocked-member.ts';

export interface AnomalyOptions {
  readonly seed: number;
  readonly members: number;
  /** How many members have anomalies, all at the same times. */
  readonly concurrent: number;
  /** Length of one anomaly. */
  readonly duration: Millis;
  /** Time from the end of one anomaly to the beginning of the next; absent if there is only one. */
  readonly interval?: Millis;
  /** No anomaly begins later than this. */
  readonly span: Millis;
  /** How long effects are counted after the last anomaly. */
  readonly cooldown: Millis;
  readonly swim: Partial<SwimConfig>;
}

export interface AnomalyCounts {
  /** How often a healthy member was declared failed, and how often by a healthy one. */
  readonly fp: number;
  readonly fpHealthy: number;
  /** Healthy members that were declared failed, and those that were by a healthy member. */
  readonly victims: number;
  readonly victimsAtHealthy: number;
  /**
   * For each anomalous member: time from its first anomaly until the first healthy member declared it failed, and until
   * the last did.
   */
  readonly first: readonly Millis[];
  readonly all: readonly Millis[];
  /** Anomalous members that some healthy member did not declare failed in the first anomaly. */
  readonly unnoticed: number;
  /** Over all members, from the first anomaly to the end of the run. */
  readonly packets: number;
  readonly bytes: number;
  readonly virtual: Millis;
}

/** Agents that start together have drifted apart by then. */
const SETTLING: Millis = 3000;

export function runAnomalies(options: AnomalyOptions): AnomalyCounts {
  const { seed, concurrent, duration, interval, span, cooldown, swim } = options;
  const members = new Map<string, BlockedMember>();
  const world = new World({
    seed,
    makeAgent: (agentOptions, host) => {
      const member = new BlockedMember(createAgent(agentOptions), host.swim);
      members.set(host.label, member);
      return member;
    },
  });
  const labels = Array.from({ length: options.members }, (_, i) => `m${String(i + 1).padStart(3, '0')}`);
  for (const label of labels) world.add(label, { disk: false, swim });
  bootstrapByPushPull(world, labels);
  const rng = world.rng.fork();
  world.run(SETTLING + 1000 * rng.next());

  const anomalous = shuffle([...labels], rng).slice(0, concurrent);
  const stats = new FailureStats(
    world,
    anomalous,
    options.members - concurrent,
    world.now,
    world.now + duration,
  );
  const before = { ...world.counts };
  const start = world.now;
  let end = start;
  for (let at = start; at <= start + span; at += duration + (interval ?? Number.POSITIVE_INFINITY)) {
    end = at + duration;
    for (const label of anomalous) {
      world.schedule(at, () => members.get(label)?.startAnomaly());
      world.schedule(end, () => {
        members.get(label)?.endAnomaly();
        world.injectDatagram(label, world.host(label).address, NO_BYTES);
      });
    }
  }
  world.run(end + cooldown - start);
  const { packets, packetBytes, streamBytes } = world.counts;
  return {
    ...stats.counts(),
    packets: packets - before.packets,
    bytes: packetBytes + streamBytes - before.packetBytes - before.streamBytes,
    virtual: world.now - start,
  };
}

/** Records which members declared which others failed. */
class FailureStats {
  readonly #knownAt = new Map<string, Map<string, Millis>>();
  readonly #victims = new Set<string>();
  readonly #victimsAtHealthy = new Set<string>();
  readonly #healthy: number;
  readonly #start: Millis;
  #fp = 0;
  #fpHealthy = 0;

  /** Detections of anomalous members count until `until`. */
  constructor(world: World, anomalous: readonly string[], healthy: number, start: Millis, until: Millis) {
    this.#healthy = healthy;
    this.#start = start;
    for (const label of anomalous) this.#knownAt.set(label, new Map());
    world.subscribe({
      onEffects: ({ label }, facts) => {
        for (const fact of facts)
          if (fact.kind === 'memberFailed') {
            const known = this.#knownAt.get(fact.node);
            if (known === undefined) this.#recordFalsePositive(fact.node, label);
            else if (!this.#knownAt.has(label) && !known.has(label) && world.now <= until)
              known.set(label, world.now);
          }
      },
    });
  }

  counts(): Omit<AnomalyCounts, 'packets' | 'bytes' | 'virtual'> {
    const noticed = [...this.#knownAt.values()].filter((known) => known.size === this.#healthy);
    const spans = noticed.map((known) => [...known.values()].map((at) => at - this.#start));
    return {
      fp: this.#fp,
      fpHealthy: this.#fpHealthy,
      victims: this.#victims.size,
      victimsAtHealthy: this.#victimsAtHealthy.size,
      first: spans.map((all) => Math.min(...all)),
      all: spans.map((all) => Math.max(...all)),
      unnoticed: this.#knownAt.size - noticed.length,
    };
  }

  #recordFalsePositive(node: string, by: string): void {
    this.#fp += 1;
    this.#victims.add(node);
    if (this.#knownAt.has(by)) return;
    this.#fpHealthy += 1;
    this.#victimsAtHealthy.add(node);
  }
}
