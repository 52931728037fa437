/**
 * I23: nobody accuses an agent within its pause that has told all of its peers. I24: one that is not back by then has
 * failed everywhere within the time that a crash takes to detect. Serf peers are told nothing, and not judged.
 */
import type { Command } from '../../../agent/contract/commands.ts';
import type { Fact } from '../../../agent/contract/facts.ts';
import type { MemberView } from '../../../agent/contract/view.ts';
import type { Millis } from '../../../base/time.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/**
 * From the end of a pause to `failed`: a round of probes, the longest suspicion of a small cluster, and the last
 * verification, at an agent that is healthy.
 */
const DETECTION: Millis = 60_000;
/** Clocks of hosts differ in their rate. */
const DRIFT = 0.001;
/** How soon an agent no longer shows a member as away whose time is over. */
const GRACE: Millis = 1000;

interface AnnouncedPause {
  /** Observers that saw the agent alive and knew each other, by their boot. */
  readonly observers: ReadonlyMap<SimHost, number>;
  readonly from: Millis;
  readonly duration: Millis;
  /** When all had acknowledged, which an observer may have been told until; `undefined`: not yet, or not all have. */
  told: Millis | undefined;
}

export class PauseLaw implements Law {
  readonly #context: LawContext;
  readonly #pauses = new Map<SimHost, AnnouncedPause>();
  /** When each observer was late itself, or suspended, for the last time. */
  readonly #unhealthyAt = new Map<SimHost, Millis>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onStart(host: SimHost): void {
    // Whoever starts under this name has ended the pause, at this host or at another one.
    for (const paused of this.#pauses.keys()) if (paused.name === host.name) this.#pauses.delete(paused);
  }

  onCommand(host: SimHost, command: Command): void {
    if (command.kind === 'leave') this.#pauses.delete(host);
    if (command.kind !== 'pause' || host.paused || this.#pauses.has(host)) return;
    const { world, isForged } = this.#context;
    if (
      isForged(host.name) ||
      [...world.hosts].some((one) => one !== host && one.running && one.name === host.name)
    )
      return;
    // What an agent has restored is no member yet, and who has a name of another is none at its own address.
    const knows = (a: SimHost, b: SimHost): boolean => {
      const member = a.agent?.view.member(b.name);
      return member?.status === 'alive' && member.address.key === b.address.key;
    };
    const observers = new Map<SimHost, number>();
    for (const other of world.hosts)
      if (other !== host && !isSerf(other) && knows(other, host) && knows(host, other))
        observers.set(other, other.bootCount);
    const { duration } = command;
    this.#pauses.set(host, { observers, from: world.now, duration, told: undefined });
  }

  onFact(observer: SimHost, fact: Fact): void {
    if (fact.kind === 'pauseAnnounced') return this.#onAnnounced(observer, fact.told === fact.peers);
    if (fact.kind === 'stalled') this.#unhealthyAt.set(observer, this.#context.world.now);
    if (fact.kind !== 'memberSuspected' && fact.kind !== 'memberFailed') return;
    for (const [host, pause] of this.#pauses)
      if (host.name === fact.node && this.#isWithin(host, pause, observer))
        this.#context.reportViolation(
          `I23 ${observer.label} shows ${fact.node} as ${fact.kind === 'memberFailed' ? 'failed' : 'suspect'} within its pause`,
        );
  }

  checkRow(observer: SimHost, { name, status }: MemberView): void {
    for (const [host, pause] of this.#pauses) {
      if (host.name !== name || host.running) continue;
      if (this.#isWithin(host, pause, observer)) this.#context.judged('I23');
      else this.#checkEnd(host, pause, observer, status);
    }
  }

  #onAnnounced(host: SimHost, toAll: boolean): void {
    const pause = this.#pauses.get(host);
    if (pause === undefined) return;
    if (toAll) pause.told = this.#context.world.now;
    else this.#pauses.delete(host);
  }

  #isWithin(host: SimHost, { observers, from, duration, told }: AnnouncedPause, observer: SimHost): boolean {
    if (told === undefined || host.running || observers.get(observer) !== observer.bootCount) return false;
    const { world, isForged } = this.#context;
    return world.now >= told && world.now < from + duration * (1 - DRIFT) && !isForged(host.name);
  }

  #checkEnd(host: SimHost, pause: AnnouncedPause, observer: SimHost, status: MemberView['status']): void {
    const { told, duration, observers } = pause;
    if (told === undefined || observers.get(observer) !== observer.bootCount || observer.paused) return;
    const { world, isForged, judged, reportViolation } = this.#context;
    if (isForged(host.name)) return;
    const over = told + duration * (1 + DRIFT) + GRACE;
    const healthySince = Math.max(over, this.#unhealthyAt.get(observer) ?? Number.NEGATIVE_INFINITY);
    if (world.now < healthySince + GRACE) return;
    judged('I24');
    if (status === 'away')
      reportViolation(`I24 ${observer.label} shows ${host.name} as away, whose pause is over`);
    if (world.now < healthySince + DETECTION) return;
    if (status !== 'failed' && status !== 'left')
      reportViolation(`I24 ${observer.label} shows ${host.name} as ${status}, long after its pause`);
  }
}

const isSerf = ({ options }: SimHost): boolean => options.serfPeer === true;
