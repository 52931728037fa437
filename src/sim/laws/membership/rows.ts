/**
 * Laws of one row at one observer: its incarnation does not fall (I1), the dead stay dead until they outbid it (I2),
 * nobody holds an incarnation its member never had (I3), nobody who runs holds itself for dead (I5), and each change
 * is one the protocol knows (I6).
 */

import type { Command } from '../../../agent/contract/commands.ts';
import type { Fact } from '../../../agent/contract/facts.ts';
import type { MemberView } from '../../../agent/contract/view.ts';
import type { Millis } from '../../../base/time.ts';
import { DROPPED_RETENTION } from '../../../swim/state/recently-dropped.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/** What one observer has shown of one member. */
interface ObservedRow {
  incarnation: number;
  /** By facts; `absent` before the first and after the row was dropped. */
  state: 'absent' | 'alive' | 'suspect' | 'dead' | 'left';
  /** The highest incarnation it was down at, while it is. */
  downAt: number;
  /** Its row was dropped so, and when. */
  dropped: { readonly incarnation: number; readonly at: Millis } | undefined;
}

/** Between two looks at who runs, somebody may have come and gone. */
const BLINK: Millis = 1000;

export class RowLaw implements Law {
  readonly #context: LawContext;
  /** By observer's label, then by member's name. Emptied when the observer starts anew. */
  readonly #observed = new Map<string, Map<string, ObservedRow>>();
  /** Highest incarnation any agent of a name ever had. */
  readonly #ownIncarnations = new Map<string, number>();
  /** When an agent of a name was last seen to run. */
  readonly #lastRunAt = new Map<string, Millis>();
  /** Names that ever left by their own word, or that somebody was told to forget: such news may travel for long. */
  readonly #allowedToLeave = new Set<string>();

  constructor(ground: LawContext) {
    this.#context = ground;
  }

  onStart(host: SimHost): void {
    this.#observed.set(host.label, new Map());
    this.#lastRunAt.set(host.name, this.#context.world.now);
  }

  onCommand(host: SimHost, command: Command): void {
    if (command.kind === 'leave') this.#allowedToLeave.add(host.name);
    if (command.kind === 'forget') this.#allowedToLeave.add(command.node);
  }

  checkPeriodically(host: SimHost): void {
    this.#lastRunAt.set(host.name, this.#context.world.now);
    this.#recordOwnIncarnation(host);
  }

  /** I5: nobody who runs and does not leave sees itself as anything but alive. */
  checkHost(host: SimHost): void {
    this.#recordOwnIncarnation(host);
    if (host.agent === undefined || host.agent.view.health().leaving) return;
    const { state, status } = host.agent.view.self();
    if (state !== 'alive' || status !== 'alive')
      this.#context.reportViolation(`I5 ${host.label} sees itself ${state}, ${status}`);
  }

  checkRow(host: SimHost, member: MemberView): void {
    const sight = this.#observedRow(host, member.name);
    // Serf shows a failed member long after its row was dropped; a new row may begin anew.
    const hasRow = sight.state !== 'absent' || member.name === host.name;
    if (hasRow) this.#checkHeldRow(host, member, sight);
    sight.incarnation = hasRow ? member.incarnation : -1;
    const most = this.#highestIncarnation(member.name, member.incarnation);
    if (member.incarnation > most && !this.#context.isForged(member.name))
      this.#context.reportViolation(
        `I3 ${host.label} holds ${member.name}@${member.incarnation}, which never went above ${most}`,
      );
  }

  /** I1, I2, and that what is shown is what was said (I6). */
  #checkHeldRow(host: SimHost, member: MemberView, sight: ObservedRow): void {
    const { name, incarnation, state } = member;
    const where = `at ${host.label}`;
    if (incarnation < sight.incarnation)
      this.#context.reportViolation(
        `I1 ${where} the incarnation of ${name} fell from ${sight.incarnation} to ${incarnation}`,
      );
    if (name === host.name) return;
    if (state !== sight.state)
      this.#context.reportViolation(
        `I6 ${where} ${name} is ${state}, and by all that was said ${sight.state}`,
      );
    const isDown = state === 'dead' || state === 'left';
    if (isDown) sight.downAt = Math.max(sight.downAt, incarnation);
    else if (incarnation <= sight.downAt)
      this.#context.reportViolation(
        `I2 ${where} ${name}@${incarnation} is up, and was down @${sight.downAt}`,
      );
    else sight.downAt = -1;
    // A Serf agent in Go does not ask (memberlist#312).
    if (!isDown && sight.dropped !== undefined && host.options.serfPeer !== true)
      this.#checkReturn(host, member, sight.dropped);
    if (!isDown) sight.dropped = undefined;
  }

  /**
   * I2, once the row was dropped: who is said to be alive by no more than was known must have answered, so it must
   * have run since. Younger graves only: older ones are forgotten. Go-like peers ask nobody (memberlist#312).
   */
  #checkReturn(
    host: SimHost,
    { name, incarnation }: MemberView,
    grave: NonNullable<ObservedRow['dropped']>,
  ): void {
    if (host.options.serfPeer === true) return;
    const { now } = this.#context.world;
    if (incarnation > grave.incarnation || now - grave.at >= DROPPED_RETENTION) return;
    if ((this.#lastRunAt.get(name) ?? Number.NEGATIVE_INFINITY) >= grave.at - BLINK) return;
    this.#context.reportViolation(
      `I2 ${host.label} took ${name}@${incarnation} back, dropped @${grave.incarnation}, and nobody of that name ran since`,
    );
  }

  /** The highest incarnation a name ever had; those who bear it are looked at again if that is below `held`. */
  #highestIncarnation(name: string, held: number): number {
    if ((this.#ownIncarnations.get(name) ?? -1) < held)
      for (const host of this.#context.world.hosts) if (host.name === name) this.#recordOwnIncarnation(host);
    return this.#ownIncarnations.get(name) ?? -1;
  }

  #recordOwnIncarnation(host: SimHost): void {
    if (host.agent === undefined) return;
    const own = host.agent.view.self().incarnation;
    if (own > (this.#ownIncarnations.get(host.name) ?? -1)) this.#ownIncarnations.set(host.name, own);
  }

  /** I6: the changes of a row follow one another as the protocol allows, and nobody leaves who was not asked to. */
  onFact(host: SimHost, fact: Fact): void {
    if (!('node' in fact) || fact.node === host.name) return;
    const { reportViolation: broken } = this.#context;
    const sight = this.#observedRow(host, fact.node);
    const step = (to: ObservedRow['state'], ...from: ObservedRow['state'][]): void => {
      if (!from.includes(sight.state))
        broken(`I6 at ${host.label} ${fact.node} went from ${sight.state} to ${to} (${fact.kind})`);
      sight.state = to;
    };
    switch (fact.kind) {
      case 'memberDiscovered':
        return step('alive', 'absent');
      case 'memberReturned':
        if (fact.incarnation <= sight.downAt)
          broken(`I2 at ${host.label} ${fact.node}@${fact.incarnation} returned, down @${sight.downAt}`);
        sight.downAt = -1;
        return step('alive', 'dead', 'left');
      case 'memberSuspected':
        return step('suspect', 'alive');
      case 'suspicionCleared':
        return step('alive', 'suspect');
      case 'memberDeclaredDead':
        sight.downAt = Math.max(sight.downAt, fact.incarnation);
        step(fact.left ? 'left' : 'dead', 'alive', 'suspect');
        if (fact.left && !this.#mayLeave(fact.node))
          broken(`I6 ${host.label} holds ${fact.node} as left, which never left`);
        return;
      case 'memberDropped':
        step('absent', 'dead', 'left');
        sight.dropped = { incarnation: sight.downAt, at: this.#context.world.now };
        sight.incarnation = -1;
        sight.downAt = -1;
        return;
      case 'memberLeft':
        if (!this.#mayLeave(fact.node))
          broken(`I6 ${host.label} shows ${fact.node} as left, which never left`);
        return;
    }
  }

  #mayLeave(name: string): boolean {
    return this.#allowedToLeave.has(name) || this.#context.isForged(name);
  }

  #observedRow(host: SimHost, name: string): ObservedRow {
    let sights = this.#observed.get(host.label);
    if (sights === undefined) {
      sights = new Map();
      this.#observed.set(host.label, sights);
    }
    let sight = sights.get(name);
    if (sight === undefined) {
      sight = { incarnation: -1, state: 'absent', downAt: -1, dropped: undefined };
      sights.set(name, sight);
    }
    return sight;
  }
}
