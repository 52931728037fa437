/**
 * I18: a TTL check expires when its TTL is over, and not before, restarts or not. A TTL begins with an update or a
 * registration; what is left of it when the agent stops, less the absence, is left when it starts again with its data.
 */
import type { Command } from '../../../agent/contract/commands.ts';
import type { Fact } from '../../../agent/contract/facts.ts';
import type { Millis } from '../../../base/time.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/** Ticks and sweeps come a little later than what they look for. */
const SLACK: Millis = 2500;
/** Host clocks that drift. */
const DRIFT = 1.001;
/** The share of a TTL by which what is saved may be older than the last update (checks/saved/persist.ts). */
const UNSAVED_SHARE = 0.25;

interface RunningTtl {
  readonly began: Millis;
  readonly ttl: Millis;
  /** It began before the last start of its agent. */
  restored: boolean;
}

export class TtlLaw implements Law {
  readonly #context: LawContext;
  readonly #running = new Map<SimHost, Map<string, RunningTtl>>();
  readonly #offsets = new Map<SimHost, Millis>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onStart(host: SimHost): void {
    const sameClock = host.wallClockOffset === (this.#offsets.get(host) ?? host.wallClockOffset);
    this.#offsets.set(host, host.wallClockOffset);
    const savedAt = host.disk.composedAt;
    const isRestored = host.runningAgent.view.self().incarnation > 1;
    const running = this.#of(host);
    for (const [check, held] of running)
      if (!isRestored || !sameClock || savedAt === undefined || held.began > savedAt || host.disk.failing)
        running.delete(check);
      else held.restored = true;
  }

  onCommand(host: SimHost, command: Command): void {
    const running = this.#of(host);
    switch (command.kind) {
      case 'registerService':
        for (const { id, probe } of command.checks)
          if (probe.kind === 'ttl') this.#begin(host, id, probe.ttl);
        return;
      case 'registerCheck':
        if (command.check.probe.kind === 'ttl') this.#begin(host, command.check.id, command.check.probe.ttl);
        return;
      case 'updateCheck': {
        const held = running.get(command.id);
        if (held !== undefined) this.#begin(host, command.id, held.ttl);
        return;
      }
    }
  }

  onFact(host: SimHost, fact: Fact): void {
    const running = this.#of(host);
    if (fact.kind === 'checkDeregistered') running.delete(fact.check);
    if (fact.kind !== 'checkExpired') return;
    const held = running.get(fact.check);
    running.delete(fact.check);
    if (held === undefined) return;
    const { began, ttl, restored } = held;
    const took = this.#context.world.now - began;
    this.#context.judged('I18');
    if (took * DRIFT < ttl * (restored ? 1 - UNSAVED_SHARE : 1))
      this.#context.reportViolation(`I18 ${host.label} ${fact.check} expires after ${took} ms of ${ttl}`);
  }

  checkPeriodically(host: SimHost): void {
    if (host.paused) return;
    for (const [check, { began, ttl, restored }] of this.#of(host)) {
      const took = this.#context.world.now - began;
      if (took < ttl * DRIFT + SLACK) continue;
      this.#of(host).delete(check);
      const status = host.runningAgent.view.local.checks().get(check)?.status;
      if (restored && status !== undefined) this.#context.judged('I18');
      if (status === 'passing' || status === 'warning')
        this.#context.reportViolation(`I18 ${host.label} ${check} is ${status} after ${took} ms of ${ttl}`);
    }
  }

  /** A process that is suspended handles the command later, so nothing is known. */
  #begin(host: SimHost, check: string, ttl: Millis): void {
    if (host.paused) this.#of(host).delete(check);
    else this.#of(host).set(check, { began: this.#context.world.now, ttl, restored: false });
  }

  #of(host: SimHost): Map<string, RunningTtl> {
    let running = this.#running.get(host);
    if (running === undefined) {
      running = new Map();
      this.#running.set(host, running);
    }
    return running;
  }
}
