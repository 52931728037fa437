/**
 * Claims that somebody is alive which are not believed before a member answers: of a name we dropped, of a newcomer
 * nobody vouches for, of a name that lives elsewhere.
 *
 * Differs: memberlist believes at once, and so revives the dead for hours (memberlist#312) and announces members that
 * hear nobody; or never, and so refuses for half a minute who comes back under a new address.
 */
import { type Address, formatAddress, toAddress } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { Alive } from '../../wire/memberlist.ts';
import { createPing, emit, isAtAddress, recordFact, type SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { isUp } from '../precedence.ts';
import { toAccusation } from '../state/notify-down.ts';
import { attemptTiming, type Verification, type VerificationKind } from '../state/verifications.ts';
import type { Member, SwimEffect } from '../types.ts';
import { maxVersion, STREAM_PING_VERSION } from '../versions.ts';

/** Probe intervals for which a holder that answered is not asked again, and for which a silent one counts as gone. */
const RESULT_VALID_INTERVALS = 5;

/** Takes the claim as it stands. */
export type AcceptClaim = (core: SwimContext, claim: Alive, now: Millis, out: SwimEffect[]) => void;

/** What becomes of a claim, and of a suspect that was called for the last time. */
export interface VerificationActions {
  readonly accept: AcceptClaim;
  /** It did not answer. */
  readonly declareDead: (core: SwimContext, row: MutableMember, now: Millis, out: SwimEffect[]) => void;
  /** It did. */
  readonly extendSuspicion: (core: SwimContext, row: MutableMember, now: Millis, out: SwimEffect[]) => void;
}

/** Asks at `to` whether it is so, unless we are asking already. False: too much is being asked. */
export function startVerification(
  core: SwimContext,
  about: VerificationKind,
  claim: Alive,
  to: Address,
  now: Millis,
  out: SwimEffect[],
): boolean {
  const open = core.verifications.get(claim.node);
  if (open !== undefined) {
    if (open.claim.port === claim.port && livesThere(open.claim, claim))
      core.verifications.updateClaim(open, claim);
    return true;
  }
  const question = core.verifications.start(about, claim, to, core.nextSeqNo());
  if (question !== undefined) sendVerificationPing(core, question, now, out);
  return question !== undefined;
}

/** The name lives elsewhere: is it still there? The newcomer of a name that is down is told what to outbid. */
export function handleNameConflict(
  core: SwimContext,
  row: MutableMember,
  claim: Alive,
  now: Millis,
  out: SwimEffect[],
): void {
  const other = toAddress(claim.addr, claim.port);
  const isOutbid = claim.incarnation > row.incarnation;
  const verdict = core.nameConflicts.verdict(claim.node, other, now);
  if (!isOutbid && (!isUp(row.state) || verdict === 'free'))
    core.downNotifier.notify(row, other, core.name, now, out);
  if (verdict !== undefined || (row.state === 'left' && !isOutbid)) return; // nothing to ask before it is outbid
  startVerification(core, 'nameConflict', claim, row.identity.address, now, out);
}

/** We live here: nobody need be asked. Reported now and then. */
export function handleOwnNameConflict(core: SwimContext, claim: Alive, now: Millis, out: SwimEffect[]): void {
  const other = toAddress(claim.addr, claim.port);
  if (core.nameConflicts.verdict(core.name, other, now) === undefined)
    reportNameConflict(core, core.self, other, now, out);
}

/** An ack that no probe and no relay waited for. */
export function handleVerificationAck(
  core: SwimContext,
  seqNo: number,
  judge: VerificationActions,
  now: Millis,
  out: SwimEffect[],
): void {
  const question = core.verifications.finish(seqNo);
  if (question === undefined) return;
  const { kind: about, claim, to } = question;
  if (about === 'newcomer' || about === 'revival') {
    if (about === 'revival') core.recentlyDropped.delete(claim.node);
    return judge.accept(core, claim, now, out);
  }
  const row = core.members.get(claim.node);
  if (about === 'suspicion') {
    if (row !== undefined) judge.extendSuspicion(core, row, now, out);
    return;
  }
  if (row === undefined || !isAtAddress(row.identity, to.ip, to.port)) return;
  if (!isUp(row.state)) core.downNotifier.notify(row, to, core.name, now, out); // it lives, and should refute
  reportNameConflict(core, row, toAddress(claim.addr, claim.port), now, out);
}

/** Repeats what got no answer, since the packet may be lost, and draws the conclusion in the end. */
export function advanceVerifications(
  core: SwimContext,
  judge: VerificationActions,
  now: Millis,
  out: SwimEffect[],
): void {
  for (;;) {
    const question = core.verifications.nextDue(now);
    if (question === undefined) return;
    if (attemptTiming(question.kind, question.attempt + 1, core.config) !== undefined) {
      sendVerificationPing(core, question, now, out);
      continue;
    }
    core.verifications.delete(question);
    onVerificationTimeout(core, question, judge, now, out);
  }
}

function onVerificationTimeout(
  core: SwimContext,
  question: Verification,
  judge: VerificationActions,
  now: Millis,
  out: SwimEffect[],
): void {
  const { kind: about, claim, to } = question;
  const node = claim.node;
  if (about === 'newcomer') recordFact(out, { kind: 'memberUnverified', node, address: formatAddress(to) });
  const row = core.members.get(node);
  if (about === 'suspicion' && row !== undefined) judge.declareDead(core, row, now, out);
  if (about !== 'nameConflict' || row === undefined || !isAtAddress(row.identity, to.ip, to.port)) return;
  const other = toAddress(claim.addr, claim.port);
  core.nameConflicts.record(node, other, 'free', now + RESULT_VALID_INTERVALS * core.config.probeInterval);
  if (claim.incarnation > row.incarnation) return judge.accept(core, claim, now, out);
  recordFact(out, {
    kind: 'claimNotSuperseding',
    node,
    incarnation: row.incarnation,
    claimed: formatAddress(other),
  });
  out.push({
    kind: 'send',
    to: other,
    peer: undefined,
    message: toAccusation(row, core.name),
    piggyback: false,
  });
}

function reportNameConflict(
  core: SwimContext,
  row: MutableMember,
  other: Address,
  now: Millis,
  out: SwimEffect[],
): void {
  const node = row.identity.name;
  core.nameConflicts.record(node, other, 'held', now + RESULT_VALID_INTERVALS * core.config.probeInterval);
  recordFact(out, {
    kind: 'nameConflict',
    node,
    current: formatAddress(row.identity.address),
    claimed: formatAddress(other),
  });
  emit(out, { kind: 'nameConflict', member: row, other });
}

function sendVerificationPing(
  core: SwimContext,
  question: Verification,
  now: Millis,
  out: SwimEffect[],
): void {
  const { kind: about, seqNo, to, claim } = question;
  question.attempt += 1;
  const how = attemptTiming(about, question.attempt, core.config);
  if (how === undefined) return;
  core.verifications.setDeadline(question, now + how.timeout);
  const message = createPing(core, seqNo, claim.node);
  const suspect = about === 'suspicion' ? core.members.get(claim.node) : undefined;
  if (suspect === undefined) out.push({ kind: 'send', to, peer: undefined, message, piggyback: false });
  else {
    const rider = toAccusation(suspect, core.name);
    out.push({ kind: 'send', to, peer: suspect, message, compoundWith: rider, piggyback: false });
  }
  if (how.streamTimeout === undefined || !core.config.streamPing) return;
  const { node: name, meta, vsn, incarnation } = claim;
  const peer: Member = { identity: { name, address: to, meta, vsn }, state: 'dead', incarnation, since: now };
  if (maxVersion(peer) >= STREAM_PING_VERSION)
    out.push({ kind: 'streamPing', seqNo, peer, deadline: now + how.streamTimeout });
}

const livesThere = (held: Alive, claim: Alive): boolean =>
  held.addr.length === claim.addr.length && held.addr.every((octet, i) => octet === claim.addr[i]);
