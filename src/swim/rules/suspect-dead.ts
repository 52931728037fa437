/**
 * Handles accusations: suspect and dead messages of peers, and those of this agent's own probes and timers.
 *
 * Source: memberlist state.go, suspectNode, deadNode; P24 (docs/protocol.md).
 */
import { assert } from '../../base/assert.ts';
import { type Dead, encodeMessage, type Suspect } from '../../wire/memberlist.ts';
import type { SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { precedence } from '../precedence.ts';
import { clearRefusal, noteRefusal } from '../refusal.ts';
import { streamFailureField, type Verification } from '../state/verifications.ts';
import type { AccusationReason } from '../types.ts';
import { endAbsence, isAbsenceViolated } from './absence.ts';
import { isOwnWord, verifyLeave } from './leave.ts';
import { notifyDown, toAccusation } from './notify-down.ts';
import { isPlausible } from './own-word.ts';
import { refute, repeatLeave, repeatRefutation } from './refute.ts';
import { accusationReason, LOCAL_SOURCE, type MessageSource, sourceField } from './source.ts';
import { startVerification } from './verify.ts';

/** `reason` is recorded with the fact if the message changes anything; by default it is the message itself. */
export function handleSuspect(
  context: SwimContext,
  message: Suspect,
  source: MessageSource,
  reason: AccusationReason = accusationReason(context, message.from, source),
): void {
  const row = admitAccusation(context, message, source);
  if (row === undefined) return;
  const { node, from: by, incarnation } = message;
  if (precedence(message, row) === 'supersedes') return startSuspicion(context, row, message, reason);
  raiseIncarnation(context, row, incarnation);
  const suspicion = context.suspicions.confirm(row, by, context.now);
  const isRefused = noteRefusal(context, row, message);
  if (suspicion === undefined && !isRefused) return;
  context.broadcasts.enqueue(encodeMessage(message), node);
  if (suspicion === undefined) return;
  const { accusers, deadline } = suspicion;
  const confirmations = accusers.length - 1;
  context.recordFact({ kind: 'suspicionConfirmed', node, by, confirmations, deadline, reason });
}

export function handleDead(
  context: SwimContext,
  message: Dead,
  source: MessageSource,
  reason: AccusationReason = accusationReason(context, message.from, source),
): void {
  const row = admitAccusation(context, message, source);
  if (row === undefined) return;
  if (precedence(message, row) !== 'supersedes') return raiseIncarnation(context, row, message.incarnation);
  if (message.node !== message.from) {
    if (source.kind !== 'local' && context.config.dialBack)
      return doubtVerdict(context, row, message, reason);
  } else if (!isOwnWord(context, row, source)) return verifyLeave(context, row, message, reason);
  applyDead(context, row, message, reason);
}

/**
 * A peer declared the member dead. It is passed on at once, and believed when the member does not answer this agent
 * either: until then the member is a suspect.
 *
 * Differs: memberlist believes it. When a cluster that was cut in two heals, each half so declares members dead to their
 * own side, and who holds the key can do so at any time.
 */
function doubtVerdict(
  context: SwimContext,
  row: MutableMember,
  message: Dead,
  reason: AccusationReason,
): void {
  const { node, from, incarnation } = message;
  const suspect: Suspect = { kind: 'suspect', incarnation, node, from };
  if (precedence(suspect, row) === 'supersedes') startSuspicion(context, row, suspect, reason);
  if (context.suspicions.addVerdict(row, { message, reason }, context.now))
    context.broadcasts.enqueue(encodeMessage(message), node);
}

/** Others said that the member left, and it did not answer. By now it may have announced itself again. */
export function acceptLeave(
  context: SwimContext,
  row: MutableMember,
  { claim: { node, incarnation }, reason }: Verification,
): void {
  const message: Dead = { kind: 'dead', incarnation, node, from: node };
  if (reason !== undefined && precedence(message, row) === 'supersedes')
    applyDead(context, row, message, reason);
}

function applyDead(context: SwimContext, row: MutableMember, message: Dead, reason: AccusationReason): void {
  const { node, from: by, incarnation } = message;
  context.members.setIncarnation(row, incarnation);
  const left = node === by;
  clearSuspicion(context, row);
  endAbsence(context, row, false);
  context.oneWayLinks.delete(row);
  context.broadcasts.enqueue(encodeMessage(message), node);
  context.members.setState(row, left ? 'left' : 'dead', context.now);
  const pending = context.verifications.get(node);
  if (pending?.kind === 'leave') context.verifications.delete(pending);
  // Invariant: a member that is down is not under suspicion.
  assert(context.suspicions.get(row) === undefined, 'a dead member is under suspicion');
  if (!left) context.deadProbes.schedule(row, context.now);
  context.recordFact({ kind: 'memberDeclaredDead', node, by, incarnation, left, reason });
  context.emit({ kind: 'memberDown', member: row, left, by });
}

/**
 * Verifies suspects before their suspicion ends: they are pinged again, over a stream as well. Where packets are lost, it
 * is mostly the refutation that did not arrive.
 *
 * Differs: memberlist declares them dead when the time is over. A suspect that does not answer is declared dead no later
 * than that.
 */
export function verifySuspects(context: SwimContext): void {
  const { suspicions, verifications, config, now } = context;
  for (let row = suspicions.nextDue(now); row !== undefined; row = suspicions.nextDue(now)) {
    const { name: node, address, meta, vsn } = row.identity;
    // Invariant: a suspicion has a row, in state suspect.
    assert(
      context.members.get(node) === row && row.state === 'suspect',
      `${node} is suspected: ${row.state}`,
    );
    if (!config.lastCall) {
      declareDead(context, row);
      continue;
    }
    const { ip: addr, port } = address;
    const claim = { kind: 'alive', incarnation: row.incarnation, node, addr, port, meta, vsn } as const;
    const pending = verifications.get(node);
    if (pending === undefined && startVerification(context, 'suspicion', claim, address)) continue;
    if (pending === undefined) declareDead(context, row);
    else if (pending.kind !== 'suspicion') suspicions.reschedule(row, now + config.probeTimeout);
  }
}

/** Ends a suspicion that was not refuted in time. */
export function declareDead(context: SwimContext, row: MutableMember, verification?: Verification): void {
  const suspicion = context.suspicions.get(row);
  if (suspicion === undefined) return;
  const { incarnation, identity } = row;
  const { accusers, startedAt, reason: cause, verdict } = suspicion;
  if (verdict !== undefined && !verdict.isAnswered && verdict.message.incarnation >= incarnation)
    return handleDead(context, verdict.message, LOCAL_SOURCE, verdict.reason);
  const reason: AccusationReason = {
    ...{ kind: 'timeout', accusers, durationMs: context.now - startedAt, cause },
    ...streamFailureField(verification?.stream),
  };
  const dead: Dead = { kind: 'dead', incarnation, node: identity.name, from: context.name };
  handleDead(context, dead, LOCAL_SOURCE, reason);
}

/** The suspect answered, so it gets more time, and a push/pull, from which it learns what to refute. */
export function extendSuspicion(context: SwimContext, row: MutableMember): void {
  if (context.suspicions.get(row) === undefined) return;
  context.suspicions.extend(row, context.now);
  context.out.push({ kind: 'pushPull', peer: row });
}

/** Pings a dead member together with the accusation, so that it can refute. Its ack alone changes nothing. */
export function probeDeadMember(context: SwimContext): void {
  const isStillDead = (row: MutableMember): boolean =>
    row.state === 'dead' && context.self.state !== 'left' && context.members.get(row.identity.name) === row;
  const row = context.deadProbes.nextDue(context.now, isStillDead);
  if (row === undefined) return;
  const ping = context.createPing(context.nextSeqNo(), row.identity.name);
  context.sendPingWithAccusation(row, ping, toAccusation(row, context.name));
}

/** Ends a suspicion, and the verification that it may be in, without declaring the member dead. */
export function clearSuspicion(context: SwimContext, row: MutableMember): void {
  clearRefusal(context, row);
  context.suspicions.stop(row);
  const pending = context.verifications.get(row.identity.name);
  if (pending?.kind === 'suspicion') context.verifications.delete(pending);
}

/** A message that changes no state may still raise the incarnation held. */
function raiseIncarnation(context: SwimContext, row: MutableMember, incarnation: number): void {
  if (incarnation <= row.incarnation) return;
  context.members.setIncarnation(row, incarnation);
  context.recordFact({ kind: 'incarnationRaised', node: row.identity.name, incarnation });
}

/**
 * The row of the accused if the accusation is admissible; accusations of this agent are refuted here. An accusation that
 * would change something takes a token of its source's rate limit; a push/pull takes one for all its rows (merge.ts).
 */
function admitAccusation(
  context: SwimContext,
  message: Suspect | Dead,
  source: MessageSource,
): MutableMember | undefined {
  const { node, incarnation, from: by } = message;
  const { self } = context;
  const row = context.members.get(node);
  if (row === undefined || isAbsenceViolated(context, row, message, source)) return undefined;
  // The sender missed the leave: else it would declare the member failed.
  if (row.state === 'left' && row !== self && message.kind === 'suspect' && source.kind === 'packet')
    if (incarnation <= row.incarnation) notifyDown(context, row, source.from);
  if (row === self && source.kind === 'packet' && row.state === 'left') repeatLeave(context, source.from);
  if (incarnation < row.incarnation) {
    if (row === self && source.kind === 'packet') repeatRefutation(context, source.from);
    return undefined;
  }
  const matters = row === self ? row.state !== 'left' : precedence(message, row) === 'supersedes';
  if (row !== self && !isPlausible(context, row, incarnation)) {
    const reason = `incarnation ${incarnation}`;
    context.recordFact({ kind: 'gossipMessageRefused', node, reason, ...sourceField(source) });
    return undefined;
  }
  if (
    matters &&
    source.kind === 'packet' &&
    !context.accusationLimiter.tryAcquire(source.from, context.now)
  ) {
    context.recordFact({ kind: 'accusationRateLimited', node, by, source: source.from.key });
    return undefined;
  }
  if (row !== self) return row;
  if (matters) refute(context, incarnation, by, source);
  return undefined;
}

function startSuspicion(
  context: SwimContext,
  row: MutableMember,
  message: Suspect,
  reason: AccusationReason,
): void {
  const { node, from: by, incarnation } = message;
  const { members, suspicions, now } = context;
  if (row.state === 'suspect') {
    clearSuspicion(context, row);
    context.recordFact({
      kind: 'suspicionCleared',
      node,
      incarnation,
      source: 'source' in reason ? reason.source : '',
    });
  }
  context.broadcasts.enqueue(encodeMessage(message), node);
  context.members.setIncarnation(row, incarnation);
  members.setState(row, 'suspect', now);
  const { deadline } = suspicions.start(row, by, members.timingSize, now, reason);
  noteRefusal(context, row, message);
  context.recordFact({ kind: 'memberSuspected', node, by, incarnation, deadline, reason });
}
