/**
 * I10: no accusation without a recorded reason. A host's own accusation rests on a failed probe, on a connection that
 * closed, or on a push/pull row of a member that held the same before; an accusation in another's name was really made by that member; a death by
 * timeout does not come before the suspicion's deadline.
 */
import type { Fact } from '../../../agent/contract/facts.ts';
import type { Millis } from '../../../base/time.ts';
import type { AccusationReason } from '../../../swim/types.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/** Names of members that made an accusation, with the highest incarnation they accused. */
type Accusers = Map<string, number>;

export class AccusationLaw implements Law {
  readonly #context: LawContext;
  readonly #suspectedBy = new Map<string, Accusers>();
  readonly #declaredBy = new Map<string, Accusers>();
  /** By observer's label, then by member: the latest deadline of the suspicion, by the observer's own clock. */
  /** By observer's label: members whose connection to it has closed. */
  readonly #closed = new Map<string, Set<string>>();
  readonly #deadlines = new Map<string, Map<string, Millis>>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onStart(host: SimHost): void {
    this.#closed.set(host.label, new Set());
    this.#deadlines.set(host.label, new Map());
  }

  onFact(host: SimHost, fact: Fact, all: readonly Fact[]): void {
    switch (fact.kind) {
      case 'memberSuspected':
        this.#checkAccusation(host, fact, fact.incarnation, all);
        recordAccuser(this.#suspectedBy, fact.node, host.name, fact.incarnation);
        this.#deadlines.get(host.label)?.set(fact.node, fact.deadline);
        return;
      case 'connectionClosed':
        this.#closed.get(host.label)?.add(fact.node);
        return;
      case 'claimNotSuperseding':
        // The claimant is notified by an accusation, and a copy of that datagram may reach others.
        recordAccuser(this.#suspectedBy, fact.node, host.name, fact.incarnation);
        return;
      case 'suspicionConfirmed':
        this.#checkAccusation(host, fact, 0, all);
        this.#deadlines.get(host.label)?.set(fact.node, fact.deadline);
        return;
      case 'memberDeclaredDead':
        // A member's own leave. Observers that hold it as failed keep showing that, at this incarnation, in their
        // push/pulls.
        if (fact.node === host.name) recordAccuser(this.#suspectedBy, fact.node, host.name, fact.incarnation);
        else if (!fact.left) this.#checkDeath(host, fact);
    }
  }

  #checkAccusation(
    host: SimHost,
    { node, by, reason }: { readonly node: string; readonly by: string; readonly reason: AccusationReason },
    incarnation: number,
    all: readonly Fact[],
  ): void {
    const { reportViolation, isForged } = this.#context;
    if (isForged(node)) return;
    this.#context.judged('I10');
    if (reason.kind === 'closed') return this.#checkClosed(host, node);
    const others = this.#suspectedBy.get(node);
    if (reason.kind === 'probe' || reason.kind === 'pushPull') {
      if (hasEvidence(node, all) || (others !== undefined && Math.max(...others.values()) >= incarnation))
        return;
      reportViolation(
        `I10 ${host.label} suspects ${node}@${incarnation} without a probe, and nobody suspected it before`,
      );
    } else if (others?.has(by) !== true)
      reportViolation(`I10 ${host.label} suspects ${node} on the word of ${by}, which never suspected it`);
  }

  #checkClosed(host: SimHost, node: string): void {
    if (this.#closed.get(host.label)?.has(node) !== true)
      this.#context.reportViolation(`I10 ${host.label} accuses ${node}, and no connection to it has closed`);
  }

  #checkDeath(
    host: SimHost,
    { node, by, incarnation, reason }: Extract<Fact, { kind: 'memberDeclaredDead' }>,
  ): void {
    const { reportViolation, isForged, judged, world } = this.#context;
    judged('I10');
    const now = host.toHostTime(world.now);
    if (reason.kind === 'closed') this.#checkClosed(host, node);
    else if (reason.kind === 'timeout') {
      const deadline = this.#deadlines.get(host.label)?.get(node);
      if (deadline === undefined)
        reportViolation(`I10 ${host.label} declares ${node} dead without a suspicion`);
      else if (now < deadline)
        reportViolation(
          `I10 ${host.label} declares ${node} dead ${Math.ceil(deadline - now)} ms before its suspicion times out`,
        );
    } else if (!isForged(node) && this.#declaredBy.get(node)?.has(by) !== true)
      reportViolation(
        `I10 ${host.label} takes ${node} for dead on the word of ${by}, which never declared it dead`,
      );
    this.#deadlines.get(host.label)?.delete(node);
    recordAccuser(this.#suspectedBy, node, host.name, incarnation);
    recordAccuser(this.#declaredBy, node, host.name, incarnation);
  }
}

/** Whether one of the facts records a failed attempt to reach `node`. Further kinds of evidence belong here. */
const hasEvidence = (node: string, facts: readonly Fact[]): boolean =>
  facts.some((fact) => fact.kind === 'probeFailed' && fact.node === node);

function recordAccuser(
  accusersByNode: Map<string, Accusers>,
  node: string,
  by: string,
  incarnation: number,
): void {
  let accusers = accusersByNode.get(node);
  if (accusers === undefined) {
    accusers = new Map();
    accusersByNode.set(node, accusers);
  }
  accusers.set(by, Math.max(incarnation, accusers.get(by) ?? 0));
}
