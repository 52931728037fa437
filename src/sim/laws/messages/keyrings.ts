/**
 * Gossip keys during rotations (G16): no keyring is ever empty (K1); members that were healthy before a rotation began
 * do not lose one another for longer than a suspicion can last (K2); a host that returns with keys that nobody uses any
 * more is notified (K3); and no key is made primary, unless by force, that a member lacks which is seen to have failed (K4).
 */
import type { Command } from '../../../agent/contract/commands.ts';
import type { Fact } from '../../../agent/contract/facts.ts';
import type { Millis } from '../../../base/time.ts';
import { UNKNOWN_KEY } from '../../../wire/crypt.ts';
import { isLeftBehind, joinMajority, keyFingerprint, recoverHost } from '../../workload/key-rotations.ts';
import type { SimHost } from '../../world/host.ts';
import type { PendingCommand } from '../../world/types.ts';
import type { Law, LawContext } from '../law.ts';
import type { HealthySince } from './queries.ts';

/** The longest suspicion among ten members: multiplier 4, maximum multiplier 6, a probe each second. */
const SUSPICION_WINDOW: Millis = 24_000;
/** A host counts as healthy one minute after its start; by then it must have been notified. */
const RECOVERY_AFTER: Millis = 65_000;
const JOIN_TAKES: Millis = 12_000;
const CHECK_EVERY: Millis = 5000;

export class KeyringLaw implements Law {
  /** Hosts that were left behind, notified, and given the keys. */
  recovered = 0;
  /** Number of checks of a pair of hosts. */
  pairChecks = 0;
  readonly #context: LawContext;
  readonly #healthySince: HealthySince;
  readonly #requiresNotice: boolean;
  #rotationStartedAt: Millis | undefined;
  /** Since when the first host of a pair cannot decrypt the second, or does not see it. */
  readonly #lost = new Map<string, Millis>();
  readonly #notified = new Set<SimHost>();
  /** Hosts whose last `use` was not forced. */
  readonly #unforced = new Set<SimHost>();
  readonly #leftBehind = new Map<SimHost, { readonly boot: number; readonly since: Millis }>();

  /** `requiresNotice`: loss is so low that every host that is left behind must be notified. */
  constructor(context: LawContext, healthySince: HealthySince, requiresNotice: boolean) {
    this.#context = context;
    this.#healthySince = healthySince;
    this.#requiresNotice = requiresNotice;
    const check = (): void => {
      for (const host of [...context.world.hosts]) this.#checkLeftBehind(host);
      context.world.schedule(context.world.now + CHECK_EVERY, check);
    };
    context.world.schedule(context.world.now + CHECK_EVERY, check);
  }

  /** A key rotation begins. */
  onRotationStart(): void {
    this.#rotationStartedAt = this.#context.world.now;
  }

  onStart(host: SimHost): void {
    this.#notified.delete(host);
  }

  onCommand(host: SimHost, command: Command): void {
    if (command.kind !== 'keys' || command.operation !== 'use') return;
    if (command.force) this.#unforced.delete(host);
    else this.#unforced.add(host);
  }

  onFact(host: SimHost, fact: Fact): void {
    if (fact.kind === 'keysChanged' && fact.change === 'use' && fact.by === host.name)
      this.#judgeUse(host, fact.key);
    if ((fact.kind === 'packetRejected' || fact.kind === 'streamRejected') && fact.code === 'undecryptable')
      this.#notified.add(host);
  }

  checkPeriodically(host: SimHost): void {
    const { world, reportViolation, judged } = this.#context;
    if (host.options.keys === undefined) return;
    judged('K1');
    if (host.keys.length === 0) reportViolation(`K1 ${host.label} has no key left`);
    const { now } = world;
    for (const other of world.hosts) {
      const pair = `${host.label} ${other.label}`;
      if (other === host || !this.#wasHealthy(host) || !this.#wasHealthy(other)) {
        this.#lost.delete(pair);
        continue;
      }
      this.pairChecks += 1;
      judged('K2');
      const reason = this.#lossReason(host, other);
      if (reason === undefined) {
        this.#lost.delete(pair);
        continue;
      }
      const since = this.#lost.get(pair) ?? now;
      this.#lost.set(pair, since);
      if (now - since > SUSPICION_WINDOW) {
        reportViolation(`K2 ${host.label} ${reason} for ${Math.round(now - since)} ms`);
        this.#lost.set(pair, now);
      }
    }
  }

  /** Gives the keys to all hosts that are left behind. Called after the faults. */
  recoverAll(): void {
    for (const host of [...this.#context.world.hosts])
      if (this.#isLeftBehind(host)) recoverHost(this.#context.world, host);
  }

  /** K4, where an operator's own agent begins to use a key: by then it has asked everybody. Serf's agents never ask. */
  #judgeUse(operator: SimHost, key: string): void {
    if (!this.#unforced.has(operator) || operator.options.serfPeer === true) return;
    this.#context.judged('K4');
    for (const { name, status } of operator.runningAgent.view.members()) {
      const lacking = [...this.#context.world.hosts].find(
        (host) => host.name === name && !host.keys.some((one) => keyFingerprint(one) === key),
      );
      if (status === 'failed' && lacking !== undefined)
        this.#context.reportViolation(
          `K4 ${operator.label} uses ${key} without force, which ${lacking.label} lacks, and shows that as failed`,
        );
    }
  }

  #lossReason(host: SimHost, other: SimHost): string | undefined {
    const primary = keyFingerprint(other.keys[0]);
    if (!host.keys.some((key) => keyFingerprint(key) === primary)) return `lacks the key of ${other.label}`;
    const status = host.runningAgent.view.member(other.name)?.status;
    return status === 'alive' || status === 'suspect' || status === 'away' || status === 'leaving'
      ? undefined
      : `sees ${other.label} as ${status ?? 'unknown'}`;
  }

  #wasHealthy(host: SimHost): boolean {
    const since = this.#healthySince(host);
    return since !== undefined && since <= (this.#rotationStartedAt ?? Number.NEGATIVE_INFINITY);
  }

  #isLeftBehind(host: SimHost): boolean {
    if (!host.running || host.paused || host.options.keys === undefined) return false;
    return !host.runningAgent.view.health().leaving && isLeftBehind(this.#context.world, host);
  }

  #checkLeftBehind(host: SimHost): void {
    const { world } = this.#context;
    if (!this.#isLeftBehind(host)) return void this.#leftBehind.delete(host);
    const known = this.#leftBehind.get(host);
    if (known?.boot !== host.bootCount) {
      this.#leftBehind.set(host, { boot: host.bootCount, since: world.now });
      return;
    }
    if (world.now - known.since < RECOVERY_AFTER) return;
    const join = joinMajority(world, host);
    const healthy = this.#healthySince(host) !== undefined;
    this.#leftBehind.set(host, { boot: host.bootCount, since: world.now });
    world.schedule(world.now + JOIN_TAKES, () => {
      if (known.boot !== host.bootCount || !this.#isLeftBehind(host)) return;
      this.checkNotified(host, join, healthy && this.#healthySince(host) !== undefined);
      recoverHost(world, host);
    });
  }

  /** K3: the failed join, or a message that could not be decrypted, must have told the operator why. */
  checkNotified(host: SimHost, { result }: PendingCommand, healthy: boolean): void {
    const notified = this.#notified.has(host) || JSON.stringify(result ?? '').includes(UNKNOWN_KEY);
    this.#context.judged('K3');
    if (notified) this.recovered += 1;
    else if (healthy && this.#requiresNotice)
      this.#context.reportViolation(`K3 ${host.label} has keys that nobody uses, and was not notified`);
  }
}
