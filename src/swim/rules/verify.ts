/**
 * Verification: a claim that a member is alive is believed only after that member, or the one whose name it claims, was
 * pinged. Verified are claims about recently dropped members, unknown members that nobody introduces, names held at
 * another address, suspects before they are declared dead, and leaves that others tell of (leave.ts).
 *
 * Differs: memberlist believes such a claim at once, and so revives dead members for hours (memberlist#312) and announces
 * members that cannot receive; or it refuses one for half a minute after a member moved.
 */
import { type Address, formatAddress, toAddress } from '../../base/address.ts';
import { sameBytes } from '../../base/bytes.ts';
import type { Alive } from '../../wire/memberlist.ts';
import { isAtAddress, type SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { isUp } from '../precedence.ts';
import {
  attemptTiming,
  streamFailureField,
  type Verification,
  type VerificationKind,
} from '../state/verifications.ts';
import type { AccusationReason, Member, StreamPingOutcome } from '../types.ts';
import { maxVersion, STREAM_PING_VERSION } from '../versions.ts';
import { notifyDown, toAccusation } from './notify-down.ts';
import { chargeSource } from './source.ts';

/** Probe intervals for which the result of a name conflict is valid. */
const RESULT_VALID_INTERVALS = 5;
/**
 * A member that leaves answers for up to 6 s more by Serf's defaults, and is asked each probe timeout (500 ms). One that
 * still answers then stays a member.
 */
const MAX_LEAVER_ANSWERS = 20;

/** Applies a claim without further verification. */
export type AcceptClaim = (context: SwimContext, claim: Alive) => void;

/** The consequences of a verification. */
export interface VerificationActions {
  readonly accept: AcceptClaim;
  /** A suspect did not answer. */
  readonly declareDead: (context: SwimContext, row: MutableMember, verification: Verification) => void;
  /** A suspect answered. */
  readonly extendSuspicion: (context: SwimContext, row: MutableMember) => void;
  /** A member of which others say that it left did not answer. */
  readonly acceptLeave: (context: SwimContext, row: MutableMember, verification: Verification) => void;
}

/** Pings `to` about a claim, unless its name is under verification. False: there are too many verifications. */
export function startVerification(
  context: SwimContext,
  kind: VerificationKind,
  claim: Alive,
  to: Address,
  reason?: AccusationReason,
): boolean {
  const { verifications } = context;
  const pending = verifications.get(claim.node);
  if (pending !== undefined) {
    if (pending.claim.port === claim.port && sameBytes(pending.claim.addr, claim.addr))
      verifications.updateClaim(pending, claim);
    return true;
  }
  const verification = verifications.start(kind, claim, to, context.nextSeqNo(), reason);
  if (verification !== undefined) sendVerificationPing(context, verification);
  return verification !== undefined;
}

/** The claim names an address other than the one held: asks there whether the member still lives. */
export function handleNameConflict(context: SwimContext, row: MutableMember, claim: Alive): void {
  const claimed = toAddress(claim.addr, claim.port);
  const supersedes = claim.incarnation > row.incarnation;
  const result = context.nameConflicts.resultOf(claim.node, claimed, context.now);
  if (!supersedes && (!isUp(row.state) || result === 'free')) notifyDown(context, row, claimed);
  if (result !== undefined || (row.state === 'left' && !supersedes)) return; // nothing to verify
  startVerification(context, 'nameConflict', claim, row.identity.address);
}

/** Somebody claims this agent's name at another address: reported once while the result is valid. */
export function handleOwnNameConflict(context: SwimContext, claim: Alive): void {
  const claimed = toAddress(claim.addr, claim.port);
  if (context.nameConflicts.resultOf(context.name, claimed, context.now) === undefined)
    reportNameConflict(context, context.self, claimed);
}

/**
 * Handles an ack that neither a probe nor an indirect probe waits for. Of a stream ping that did not come to an ack the
 * `outcome` is remembered, and nothing else happens.
 */
export function handleVerificationAck(
  context: SwimContext,
  seqNo: number,
  actions: VerificationActions,
  outcome: StreamPingOutcome = 'acked',
): void {
  const verification = context.verifications.bySeqNo(seqNo);
  if (verification === undefined) return;
  if (outcome !== 'acked') {
    verification.stream = outcome;
    if (outcome === 'refused') confirmRefusal(context, verification, actions);
    return;
  }
  if (verification.kind === 'leave') return onLeaverAnswer(context, verification);
  context.verifications.delete(verification);
  const { kind, claim, to } = verification;
  if (kind === 'newcomer' || kind === 'revival') {
    if (kind === 'revival') context.recentlyDropped.delete(claim.node);
    actions.accept(context, claim);
    const accepted = context.memberAt(claim.node, to);
    if (accepted !== undefined) context.members.setAnswered(accepted, true);
    return;
  }
  const row = context.members.get(claim.node);
  if (kind === 'suspicion') {
    if (row !== undefined) actions.extendSuspicion(context, row);
    return;
  }
  if (row === undefined || !isAtAddress(row.identity, to.ip, to.port)) return;
  if (!isUp(row.state)) notifyDown(context, row, to); // it lives, and should refute
  reportNameConflict(context, row, toAddress(claim.addr, claim.port));
}

/**
 * A peer declared a member dead whose host refuses connections, as one of its watchers says, and it has just refused this agent's,
 * too: that is no silence that has to be waited for. Other watchers may have said so by way of agents of Serf, which leave that out.
 */
function confirmRefusal(
  context: SwimContext,
  verification: Verification,
  actions: VerificationActions,
): void {
  const row = context.members.get(verification.claim.node);
  const suspicion = row === undefined ? undefined : context.suspicions.get(row);
  if (verification.kind !== 'suspicion' || row === undefined || suspicion?.verdict === undefined) return;
  if (!suspicion.refusedBy.some((by) => by !== context.name)) return;
  context.verifications.delete(verification);
  actions.declareDead(context, row, verification);
}

/** Repeats pings that were not answered, since packets get lost, and ends verifications after the last attempt. */
export function advanceVerifications(context: SwimContext, actions: VerificationActions): void {
  const { verifications, config, now } = context;
  for (let due = verifications.nextDue(now); due !== undefined; due = verifications.nextDue(now)) {
    if (isIntroduced(context, due)) verifications.delete(due);
    else if (attemptTiming(due.kind, due.attempt + 1, config) !== undefined) {
      sendVerificationPing(context, due);
    } else {
      verifications.delete(due);
      onVerificationTimeout(context, due, actions);
    }
  }
}

/**
 * Others have introduced the unknown member meanwhile, as they do when many join at once: it is not asked again. Without this each
 * of them would be dialed by each of the others.
 */
function isIntroduced(context: SwimContext, { kind, claim, to }: Verification): boolean {
  if (kind !== 'newcomer' && kind !== 'revival') return false;
  const row = context.memberAt(claim.node, to);
  return row !== undefined && isUp(row.state) && row.incarnation >= claim.incarnation;
}

function onVerificationTimeout(
  context: SwimContext,
  verification: Verification,
  actions: VerificationActions,
): void {
  const { kind, claim, to } = verification;
  const node = claim.node;
  if (kind === 'newcomer') {
    const met = streamFailureField(verification.stream);
    context.recordFact({ kind: 'memberUnverified', node, address: formatAddress(to), ...met });
  }
  const row = context.members.get(node);
  if (kind === 'suspicion' && row !== undefined) actions.declareDead(context, row, verification);
  if (kind === 'leave' && row !== undefined) actions.acceptLeave(context, row, verification);
  if (kind !== 'nameConflict' || row === undefined || !isAtAddress(row.identity, to.ip, to.port)) return;
  const claimed = toAddress(claim.addr, claim.port);
  context.nameConflicts.record(node, claimed, 'free', resultValidUntil(context));
  if (claim.incarnation > row.incarnation) return actions.accept(context, claim);
  context.recordFact({
    kind: 'claimNotSuperseding',
    node,
    incarnation: row.incarnation,
    claimed: formatAddress(claimed),
  });
  context.send(claimed, undefined, toAccusation(row, context.name));
}

/** A member that leaves answers until it stops, and one that stays refutes: it is asked again a little later. */
function onLeaverAnswer(context: SwimContext, verification: Verification): void {
  const { verifications, config, now } = context;
  if (verification.attempt === 0) return; // the same answer by another way
  verification.attempt = 0;
  verification.answers += 1;
  if (verification.answers < MAX_LEAVER_ANSWERS)
    return verifications.setDeadline(verification, now + config.probeTimeout);
  verifications.delete(verification);
  recordUnconfirmedLeave(context, verification);
}

/** Others say that the member left, and it does not say so itself. */
export function recordUnconfirmedLeave(context: SwimContext, { claim, reason }: Verification): void {
  chargeSource(context, reason);
  const source = reason !== undefined && 'source' in reason ? reason.source : '';
  context.recordFact({ kind: 'leaveUnconfirmed', node: claim.node, source });
}

function reportNameConflict(context: SwimContext, row: MutableMember, claimed: Address): void {
  const { name: node, address } = row.identity;
  context.nameConflicts.record(node, claimed, 'held', resultValidUntil(context));
  context.recordFact({
    kind: 'nameConflict',
    node,
    current: formatAddress(address),
    claimed: formatAddress(claimed),
  });
  context.emit({ kind: 'nameConflict', member: row, other: claimed });
}

const resultValidUntil = ({ now, config }: SwimContext): number =>
  now + RESULT_VALID_INTERVALS * config.probeInterval;

function sendVerificationPing(context: SwimContext, verification: Verification): void {
  const { config, now } = context;
  const { kind, seqNo, to, claim } = verification;
  verification.attempt += 1;
  const timing = attemptTiming(kind, verification.attempt, config);
  if (timing === undefined) return;
  context.verifications.setDeadline(verification, now + timing.timeout);
  const message = context.createPing(seqNo, claim.node);
  const accused = kind === 'suspicion' || kind === 'leave' ? context.members.get(claim.node) : undefined;
  if (accused === undefined) context.send(to, undefined, message);
  else if (kind === 'suspicion')
    context.sendPingWithAccusation(accused, message, toAccusation(accused, context.name));
  else {
    const { incarnation, node } = claim;
    context.sendPingWithAccusation(accused, message, { kind: 'dead', incarnation, node, from: node });
  }
  if (timing.streamTimeout === undefined || !config.streamPing) return;
  const { node: name, meta, vsn, incarnation } = claim;
  const peer: Member = { identity: { name, address: to, meta, vsn }, state: 'dead', incarnation, since: now };
  if (maxVersion(peer) < STREAM_PING_VERSION) return;
  verification.stream = 'dialed';
  context.out.push({ kind: 'streamPing', seqNo, peer, deadline: now + timing.streamTimeout });
}
