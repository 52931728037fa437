/**
 * Claims that somebody is alive which are not believed before a member answers: of a name we dropped, of a newcomer
 * nobody vouches for, of a name that lives elsewhere.
 *
 * Differs: memberlist believes at once, and so revives the dead for hours (memberlist#312) and announces members that
 * hear nobody; or never, and so refuses for half a minute who comes back under a new address.
 */
import { type Address, address, hostPort } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { Alive } from '../../wire/memberlist.ts';
import { type Core, emit, livesAt, note, pingFrom } from '../context.ts';
import type { Row } from '../members.ts';
import { isUp } from '../precedence.ts';
import { accusation } from '../state/notify-down.ts';
import { attempt, type Doubt, type Question } from '../state/verifications.ts';
import type { Member, SwimEffect } from '../types.ts';
import { maxVersion, STREAM_PING_VERSION } from '../versions.ts';

/** Probe intervals for which a holder that answered is not asked again, and for which a silent one counts as gone. */
const SETTLED_FOR = 5;

/** Takes the claim as it stands. */
export type Believe = (core: Core, claim: Alive, now: Millis, out: SwimEffect[]) => void;

/** What becomes of a claim, and of a suspect that was called for the last time. */
export interface Judge {
  readonly believe: Believe;
  /** It did not answer. */
  readonly condemn: (core: Core, row: Row, now: Millis, out: SwimEffect[]) => void;
  /** It did. */
  readonly spare: (core: Core, row: Row, now: Millis, out: SwimEffect[]) => void;
}

/** Asks at `to` whether it is so, unless we are asking already. False: too much is being asked. */
export function doubt(
  core: Core,
  about: Doubt,
  claim: Alive,
  to: Address,
  now: Millis,
  out: SwimEffect[],
): boolean {
  const open = core.questions.of(claim.node);
  if (open !== undefined) {
    if (open.claim.port === claim.port && livesThere(open.claim, claim)) core.questions.repeat(open, claim);
    return true;
  }
  const question = core.questions.open(about, claim, to, core.nextSeqNo());
  if (question !== undefined) ask(core, question, now, out);
  return question !== undefined;
}

/** The name lives elsewhere: is it still there? The newcomer of a name that is down is told what to outbid. */
export function dispute(core: Core, row: Row, claim: Alive, now: Millis, out: SwimEffect[]): void {
  const other = address(claim.addr, claim.port);
  const isOutbid = claim.incarnation > row.incarnation;
  const verdict = core.disputes.verdict(claim.node, other, now);
  if (!isOutbid && (!isUp(row.state) || verdict === 'free'))
    core.rebukes.send(row, other, core.name, now, out);
  if (verdict !== undefined || (row.state === 'left' && !isOutbid)) return; // nothing to ask before it is outbid
  doubt(core, 'owner', claim, row.identity.address, now, out);
}

/** We live here: nobody need be asked. Reported now and then. */
export function disputeOurs(core: Core, claim: Alive, now: Millis, out: SwimEffect[]): void {
  const other = address(claim.addr, claim.port);
  if (core.disputes.verdict(core.name, other, now) === undefined) report(core, core.self, other, now, out);
}

/** An ack that no probe and no relay waited for. */
export function answered(core: Core, seqNo: number, judge: Judge, now: Millis, out: SwimEffect[]): void {
  const question = core.questions.answered(seqNo);
  if (question === undefined) return;
  const { about, claim, to } = question;
  if (about === 'newcomer' || about === 'revival') {
    if (about === 'revival') core.graves.open(claim.node);
    return judge.believe(core, claim, now, out);
  }
  const row = core.members.get(claim.node);
  if (about === 'verdict') {
    if (row !== undefined) judge.spare(core, row, now, out);
    return;
  }
  if (row === undefined || !livesAt(row.identity, to.ip, to.port)) return;
  if (!isUp(row.state)) core.rebukes.send(row, to, core.name, now, out); // it lives, and should refute
  report(core, row, address(claim.addr, claim.port), now, out);
}

/** Repeats what got no answer, since the packet may be lost, and draws the conclusion in the end. */
export function pursue(core: Core, judge: Judge, now: Millis, out: SwimEffect[]): void {
  for (;;) {
    const question = core.questions.due(now);
    if (question === undefined) return;
    if (attempt(question.about, question.attempt + 1, core.config) !== undefined) {
      ask(core, question, now, out);
      continue;
    }
    core.questions.close(question);
    silent(core, question, judge, now, out);
  }
}

function silent(core: Core, question: Question, judge: Judge, now: Millis, out: SwimEffect[]): void {
  const { about, claim, to } = question;
  const node = claim.node;
  if (about === 'newcomer') note(out, { kind: 'newcomerSilent', node, address: hostPort(to) });
  const row = core.members.get(node);
  if (about === 'verdict' && row !== undefined) judge.condemn(core, row, now, out);
  if (about !== 'owner' || row === undefined || !livesAt(row.identity, to.ip, to.port)) return;
  const other = address(claim.addr, claim.port);
  core.disputes.settle(node, other, 'free', now + SETTLED_FOR * core.config.probeInterval);
  if (claim.incarnation > row.incarnation) return judge.believe(core, claim, now, out);
  note(out, { kind: 'claimTooLow', node, incarnation: row.incarnation, claimed: hostPort(other) });
  out.push({ kind: 'send', to: other, peer: undefined, message: accusation(row, core.name), fill: false });
}

function report(core: Core, row: Row, other: Address, now: Millis, out: SwimEffect[]): void {
  const node = row.identity.name;
  core.disputes.settle(node, other, 'held', now + SETTLED_FOR * core.config.probeInterval);
  note(out, {
    kind: 'nameContested',
    node,
    held: hostPort(row.identity.address),
    claimed: hostPort(other),
  });
  emit(out, { kind: 'nameConflict', member: row, other });
}

function ask(core: Core, question: Question, now: Millis, out: SwimEffect[]): void {
  const { about, seqNo, to, claim } = question;
  question.attempt += 1;
  const how = attempt(about, question.attempt, core.config);
  if (how === undefined) return;
  core.questions.waitUntil(question, now + how.wait);
  const message = pingFrom(core, seqNo, claim.node);
  const suspect = about === 'verdict' ? core.members.get(claim.node) : undefined;
  if (suspect === undefined) out.push({ kind: 'send', to, peer: undefined, message, fill: false });
  else {
    const rider = accusation(suspect, core.name);
    out.push({ kind: 'send', to, peer: suspect, message, rider, fill: false });
  }
  if (how.stream === undefined || !core.config.streamPing) return;
  const { node: name, meta, vsn, incarnation } = claim;
  const peer: Member = { identity: { name, address: to, meta, vsn }, state: 'dead', incarnation, since: now };
  if (maxVersion(peer) >= STREAM_PING_VERSION)
    out.push({ kind: 'streamPing', seqNo, peer, deadline: now + how.stream });
}

const livesThere = (held: Alive, claim: Alive): boolean =>
  held.addr.length === claim.addr.length && held.addr.every((octet, i) => octet === claim.addr[i]);
