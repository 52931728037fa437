/**
 * I31: a death by closed connection is one: the process had ended, and none ran in its place when the grace was over. I32:
 * where nothing interferes, a process that ends while two others watch it is shown as failed everywhere soon after the
 * grace.
 */
import type { Fact } from '../../../agent/contract/facts.ts';
import type { Millis } from '../../../base/time.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/** Clocks of hosts differ in their rate. */
const DRIFT = 0.001;
/** How long the world must have been calm, so that streams are open to all that are to be watched. */
const CALM: Millis = 15_000;
/** From the end of the grace: the last refusal, and gossip. */
const SPREAD: Millis = 1000;
/** Watchers without which nobody declares a member dead at once. */
const WATCHERS = 2;

/** The last look at a process that ran. */
interface LastSeen {
  readonly at: Millis;
  readonly boot: number;
  /** It was watched, and the world had been calm. */
  readonly judged: boolean;
}

export class ClosedConnectionLaw implements Law {
  readonly #context: LawContext;
  readonly #startedAt = new Map<SimHost, Millis>();
  readonly #lastSeen = new Map<SimHost, LastSeen>();
  /** Observers that have been judged on the end of a process, so that each counts once. */
  readonly #told = new Set<string>();
  #changedAt: Millis = 0;
  /** When more changed than one process. */
  #disturbedAt: Millis = 0;
  readonly #states = new Map<SimHost, string>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onStart(host: SimHost): void {
    this.#startedAt.set(host, this.#context.world.now);
  }

  onFact(observer: SimHost, fact: Fact): void {
    if (fact.kind !== 'memberDeclaredDead' || fact.left || fact.reason.kind !== 'closed') return;
    const { judged, reportViolation, isForged, world } = this.#context;
    if (isForged(fact.node)) return;
    judged('I31');
    const graceOver =
      world.now - fact.reason.durationMs * (1 + DRIFT) + observer.swim.closeGrace * (1 - DRIFT);
    // Another node of the name, or the same one at another address, is not what the verdict is about.
    const address = observer.runningAgent.view.member(fact.node)?.address.key;
    for (const host of world.hosts) {
      const startedAt = this.#startedAt.get(host) ?? world.now;
      if (host.name !== fact.node || host.address.key !== address || !host.running) continue;
      if (startedAt >= graceOver || this.#isIsolated(host)) continue;
      const since = Math.round(world.now - startedAt);
      reportViolation(
        `I31 ${observer.label} declares ${fact.node} dead, whose process has run for ${since} ms`,
      );
    }
    if (fact.reason.accusers.length < WATCHERS)
      reportViolation(`I31 ${observer.label} declares ${fact.node} dead, and no other watcher was refused`);
  }

  checkPeriodically(observer: SimHost): void {
    const { world } = this.#context;
    this.#noteChanges();
    const { watchers, leaving } = observer.runningAgent.view.health();
    // A connection that was forgotten on its way still looks open at both ends, and tells nobody of the end of the process.
    const others = [...world.hosts].filter(
      (host) => host.running && watchers.includes(host.name) && !world.streams.areForgotten(host, observer),
    );
    const judged = this.#isCalm() && !leaving && others.length >= WATCHERS;
    this.#lastSeen.set(observer, { at: world.now, boot: observer.bootCount, judged });
    for (const host of world.hosts) if (!host.running) this.#checkEnd(observer, host);
  }

  /** The process of `host` has ended; `observer` should know by now. */
  #checkEnd(observer: SimHost, host: SimHost): void {
    const { world, judged, reportViolation, isForged } = this.#context;
    const seen = this.#lastSeen.get(host);
    if (seen?.judged !== true || host.poweredOff || isForged(host.name)) return;
    const isFair =
      observer.options.serfPeer !== true && (this.#startedAt.get(observer) ?? 0) < seen.at - CALM;
    const key = `${observer.label} ${host.label} ${seen.boot}`;
    if (!isFair || this.#told.has(key) || world.now > seen.at + CALM) return;
    // At most a sweep has passed between the last look and the end, and nothing else has changed since.
    if (this.#changedAt > seen.at + 1000 || this.#disturbedAt > seen.at) return;
    const status = observer.runningAgent.view.member(host.name)?.status;
    if (status === 'away') return void this.#told.add(key); // it said that it would be back: I23 and I24
    const isKnown = status === 'failed' || status === 'left' || status === undefined;
    if (!isKnown && world.now <= seen.at + 1000 + observer.swim.closeGrace + SPREAD) return;
    this.#told.add(key);
    judged('I32');
    if (!isKnown)
      reportViolation(`I32 ${observer.label} shows ${host.name} as ${status}, whose process has ended`);
  }

  #isCalm(): boolean {
    return this.#context.world.now - this.#changedAt >= CALM;
  }

  /** Whatever may delay a verdict counts as a change: faults, and processes that start or end. */
  #noteChanges(): void {
    const { world } = this.#context;
    const hosts = [...world.hosts];
    const changed = hosts.filter((host) => {
      const state = `${host.running} ${host.bootCount} ${host.address.key}`;
      const isChanged = this.#states.get(host) !== state;
      this.#states.set(host, state);
      return isChanged;
    });
    const isDisturbed =
      !world.network.isUndisturbed || hosts.some(({ paused, outOfFiles }) => paused || outOfFiles);
    if (isDisturbed || changed.length > 0) this.#changedAt = world.now;
    if (isDisturbed || changed.length > 1) this.#disturbedAt = world.now;
  }

  /** Nobody reaches it, so it cannot refute: its services are of no use to anybody either. */
  #isIsolated(host: SimHost): boolean {
    const { world } = this.#context;
    if (host.paused) return true;
    return [...world.hosts].every(
      (other) =>
        other === host ||
        !other.running ||
        world.network.isBlocked(other.label, host.label) ||
        world.network.isBlocked(host.label, other.label),
    );
  }
}
