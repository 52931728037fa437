/**
 * Laws of one row at one observer: its incarnation never falls, but to what the member itself has (I1), a dead member returns only at a higher incarnation
 * (I2), no row has an incarnation that its member never had (I3), a running agent does not see itself as dead (I5), and
 * each change of state is one that the protocol allows (I6).
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
  /** The state by the facts reported; `absent` before the first one and after the row was dropped. */
  state: 'absent' | 'alive' | 'suspect' | 'dead' | 'left';
  /** The highest incarnation at which the member was down, while it is down; else -1. */
  downAt: number;
  /** Incarnation and time at which the row was dropped. */
  dropped: DroppedRow | undefined;
}

interface DroppedRow {
  readonly incarnation: number;
  readonly at: Millis;
}

/** A host may have run between two checks without being noticed. */
const SWEEP_GAP: Millis = 1000;

export class RowLaw implements Law {
  readonly #context: LawContext;
  /** By observer's label, then by member's name. Cleared when the observer restarts. */
  readonly #observed = new Map<string, Map<string, ObservedRow>>();
  /** The highest incarnation that any agent of a name has had. */
  readonly #ownIncarnations = new Map<string, number>();
  /** When an agent of a name was last seen running. */
  readonly #lastRunAt = new Map<string, Millis>();
  /**
   * Names that left by their own command, or that an operator has forgotten: messages about that may circulate for
   * long.
   */
  readonly #allowedToLeave = new Set<string>();

  constructor(context: LawContext) {
    this.#context = context;
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
    for (const [name, { dropped }] of this.#observed.get(host.label) ?? [])
      if (dropped !== undefined && !this.#mayReturn(host, name, dropped))
        this.#context.judged('I2 of a dropped row');
  }

  /** I5: an agent that runs and does not leave sees itself as alive. */
  checkHost(host: SimHost): void {
    this.#recordOwnIncarnation(host);
    if (host.agent === undefined || host.agent.view.health().leaving) return;
    this.#context.judged('I5');
    const { state, status } = host.agent.view.self();
    if (state !== 'alive' || status !== 'alive')
      this.#context.reportViolation(`I5 ${host.label} sees itself ${state}, ${status}`);
  }

  checkRow(host: SimHost, member: MemberView): void {
    const row = this.#observedRow(host, member.name);
    // Serf shows a failed member long after its row was dropped; a new row may begin at any incarnation.
    const hasRow = row.state !== 'absent' || member.name === host.name;
    if (hasRow) this.#checkHeldRow(host, member, row);
    row.incarnation = hasRow ? member.incarnation : -1;
    const highest = this.#highestIncarnation(member.name, member.incarnation);
    if (this.#context.isForged(member.name)) return;
    this.#context.judged('I3');
    if (member.incarnation > highest)
      this.#context.reportViolation(
        `I3 ${host.label} holds ${member.name}@${member.incarnation}, which never went above ${highest}`,
      );
  }

  /** I1, I2, and that the view agrees with the facts (I6). */
  #checkHeldRow(host: SimHost, member: MemberView, row: ObservedRow): void {
    const { name, incarnation, state } = member;
    const where = `at ${host.label}`;
    if (row.incarnation >= 0) this.#context.judged('I1');
    if (incarnation < row.incarnation)
      this.#context.reportViolation(
        `I1 ${where} the incarnation of ${name} fell from ${row.incarnation} to ${incarnation}`,
      );
    if (name === host.name) return;
    this.#context.judged('I6');
    if (row.downAt >= 0) this.#context.judged('I2');
    if (state !== row.state)
      this.#context.reportViolation(
        `I6 ${where} ${name} is ${state}, and ${row.state} by the facts reported`,
      );
    const isDown = state === 'dead' || state === 'left';
    if (isDown) row.downAt = Math.max(row.downAt, incarnation);
    else if (incarnation <= row.downAt)
      this.#context.reportViolation(`I2 ${where} ${name}@${incarnation} is up, and was down @${row.downAt}`);
    else row.downAt = -1;
    if (!isDown && row.dropped !== undefined) this.#checkReturn(host, member, row.dropped);
    if (!isDown) row.dropped = undefined;
  }

  /**
   * I2 after the row was dropped: a member may return at an incarnation that was known before only if it answered a
   * verification, so it must have run since. This holds as long as the dropped row is remembered. Serf peers do not
   * verify (memberlist#312).
   */
  #checkReturn(host: SimHost, { name, incarnation }: MemberView, dropped: DroppedRow): void {
    if (incarnation > dropped.incarnation || this.#mayReturn(host, name, dropped)) return;
    this.#context.reportViolation(
      `I2 ${host.label} took ${name}@${incarnation} back, dropped @${dropped.incarnation}, and nobody of that name ran since`,
    );
  }

  /** Whether a row that was dropped may come back at the incarnation that it had. */
  #mayReturn(host: SimHost, name: string, { at }: DroppedRow): boolean {
    const { serfPeer, retention } = host.options;
    const remembered = retention?.droppedMembers ?? DROPPED_RETENTION;
    if (serfPeer === true || this.#context.world.now - at >= remembered) return true;
    return (this.#lastRunAt.get(name) ?? Number.NEGATIVE_INFINITY) >= at - SWEEP_GAP;
  }

  /** The highest incarnation that a name has had. Running agents are checked again if it is below `observed`. */
  #highestIncarnation(name: string, observed: number): number {
    if ((this.#ownIncarnations.get(name) ?? -1) < observed)
      for (const host of this.#context.world.hosts) if (host.name === name) this.#recordOwnIncarnation(host);
    return this.#ownIncarnations.get(name) ?? -1;
  }

  #recordOwnIncarnation(host: SimHost): void {
    if (host.agent === undefined) return;
    const own = host.agent.view.self().incarnation;
    if (own > (this.#ownIncarnations.get(host.name) ?? -1)) this.#ownIncarnations.set(host.name, own);
  }

  /**
   * I6: state changes of a row follow one another as the protocol allows, and only members that were told to leave are
   * shown as left.
   */
  onFact(host: SimHost, fact: Fact): void {
    if (!('node' in fact) || fact.node === host.name) return;
    const { reportViolation } = this.#context;
    const row = this.#observedRow(host, fact.node);
    const step = (to: ObservedRow['state'], ...from: ObservedRow['state'][]): void => {
      this.#context.judged('I6');
      if (!from.includes(row.state))
        reportViolation(`I6 at ${host.label} ${fact.node} went from ${row.state} to ${to} (${fact.kind})`);
      row.state = to;
    };
    switch (fact.kind) {
      case 'memberDiscovered':
        return step('alive', 'absent');
      case 'memberReturned':
        this.#context.judged('I2');
        if (fact.incarnation <= row.downAt)
          reportViolation(
            `I2 at ${host.label} ${fact.node}@${fact.incarnation} returned, down @${row.downAt}`,
          );
        row.downAt = -1;
        return step('alive', 'dead', 'left');
      case 'memberSuspected':
        return step('suspect', 'alive');
      case 'suspicionCleared':
        return step('alive', 'suspect');
      case 'memberDeclaredDead':
        row.downAt = Math.max(row.downAt, fact.incarnation);
        step(fact.left ? 'left' : 'dead', 'alive', 'suspect');
        if (fact.left && !this.#mayLeave(fact.node))
          reportViolation(`I6 ${host.label} holds ${fact.node} as left, which never left`);
        return;
      case 'incarnationCorrected':
        return this.#onCorrection(host, fact, row);
      case 'memberDropped':
        step('absent', 'dead', 'left');
        row.dropped = { incarnation: row.downAt, at: this.#context.world.now };
        row.incarnation = -1;
        row.downAt = -1;
        return;
      case 'memberLeft':
        if (!this.#mayLeave(fact.node))
          reportViolation(`I6 ${host.label} shows ${fact.node} as left, which never left`);
        return;
    }
  }

  /** What others made of a row may be undone: by what the member has itself, and nothing else. */
  #onCorrection(
    host: SimHost,
    { node, incarnation, held }: Extract<Fact, { kind: 'incarnationCorrected' }>,
    row: ObservedRow,
  ): void {
    this.#context.judged('I1');
    const highest = this.#highestIncarnation(node, incarnation);
    if (incarnation > highest || incarnation >= held)
      this.#context.reportViolation(
        `I1 at ${host.label} ${node}@${held} was corrected to @${incarnation}, and it was never above @${highest}`,
      );
    row.incarnation = incarnation;
    row.downAt = Math.min(row.downAt, incarnation - 1);
  }

  #mayLeave(name: string): boolean {
    return this.#allowedToLeave.has(name) || this.#context.isForged(name);
  }

  #observedRow(host: SimHost, name: string): ObservedRow {
    let rows = this.#observed.get(host.label);
    if (rows === undefined) {
      rows = new Map();
      this.#observed.set(host.label, rows);
    }
    let row = rows.get(name);
    if (row === undefined) {
      row = { incarnation: -1, state: 'absent', downAt: -1, dropped: undefined };
      rows.set(name, row);
    }
    return row;
  }
}
