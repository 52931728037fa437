/**
 * Handles alive messages about members: adds, updates or revives the row, has the claim verified, or refuses it. Alive
 * messages about this agent may need a refutation, see refute.ts.
 *
 * Source: memberlist state.go, aliveNode; P22, P23, P87 (docs/protocol.md).
 */
import { type Address, formatAddress, toAddress } from '../../base/address.ts';
import { copyBytes, sameBytes } from '../../base/bytes.ts';
import { nameProblem } from '../../config/names.ts';
import { type Alive, encodeMessage } from '../../wire/memberlist.ts';
import { isAtAddress, isIp, type SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { precedence } from '../precedence.ts';
import type { Identity } from '../types.ts';
import { isCompatible, isValidVsn } from '../versions.ts';
import { endAbsenceIfBack } from './absence.ts';
import { endRefutedLeave } from './leave.ts';
import { notifyDown } from './notify-down.ts';
import {
  askForWord,
  askUnknown,
  hearWord,
  isFarBelow,
  isFirstHand,
  isPlausible,
  recordWord,
} from './own-word.ts';
import { makeRoom } from './reclaim.ts';
import { refute } from './refute.ts';
import {
  chargeSource,
  formatSource,
  LOCAL_SOURCE,
  type MessageSource,
  replyAddress,
  sourceField,
} from './source.ts';
import { clearSuspicion } from './suspect-dead.ts';
import { type AcceptClaim, handleNameConflict, handleOwnNameConflict, startVerification } from './verify.ts';

/** `introduced`: does somebody we trust know the member, if we do not? By default the source of the datagram decides. */
export function handleAlive(
  context: SwimContext,
  message: Alive,
  source: MessageSource,
  introduced?: boolean,
): void {
  const alive = message.port === 0 ? { ...message, port: context.self.identity.address.port } : message;
  const row = context.members.get(alive.node);
  if (row === context.self) return handleAliveAboutSelf(context, alive, source);
  // The fast path: by far most alive messages are stale.
  if (
    row !== undefined &&
    precedence(alive, row) === 'stale' &&
    isAtAddress(row.identity, alive.addr, alive.port)
  )
    return handleStale(context, row, alive, source);
  if (row === undefined && !isNameFree(context, alive, source)) return;
  const reason = rejectionReason(context, alive, row, source);
  if (reason !== undefined)
    return context.recordFact({
      kind: 'gossipMessageRefused',
      node: alive.node,
      reason,
      ...sourceField(source),
    });
  if (row === undefined)
    return handleUnknownMember(context, alive, source, introduced ?? canIntroduce(context, source));
  if (!isAtAddress(row.identity, alive.addr, alive.port) && !canReclaim(context, row, alive))
    return handleNameConflict(context, row, alive);
  applyAlive(context, row, alive, source);
}

function handleStale(context: SwimContext, row: MutableMember, alive: Alive, source: MessageSource): void {
  if (isFirstHand(alive, source)) {
    if (hearWord(context, row, alive)) return applyAlive(context, row, alive, source);
  } else if (isFarBelow(alive.incarnation, row)) askForWord(context, row);
  if (row.state !== 'alive') notifyDown(context, row, row.identity.address);
}

/** Why a message must be neither stored nor passed on. If it may be true all the same, its member is asked. */
function rejectionReason(
  context: SwimContext,
  alive: Alive,
  row: MutableMember | undefined,
  source: MessageSource,
): string | undefined {
  if (!isIp(alive.addr)) return `an address of ${alive.addr.length} octets`;
  const isHere = row === undefined || isAtAddress(row.identity, alive.addr, alive.port);
  if (!isPlausible(context, row, alive.incarnation, isHere && isFirstHand(alive, source))) {
    if (row === undefined) askUnknown(context, alive);
    else askForWord(context, row);
    return `incarnation ${alive.incarnation}`;
  }
  if (!isValidVsn(alive.vsn) || !isCompatible(alive.vsn, context.self.identity.vsn))
    return `versions ${alive.vsn.join('.')}`;
  return undefined;
}

/**
 * Whether an unknown name may become a member: it could pass for no other, and can be shown. It is told under the name of
 * the member that has it already.
 */
function isNameFree(context: SwimContext, { node, addr, port }: Alive, source: MessageSource): boolean {
  const holder = context.members.getFolded(node)?.identity.name;
  const problem = nameProblem(node);
  if (holder === undefined && problem === undefined) return true;
  const at = isIp(addr) ? formatAddress(toAddress(addr, port)) : 'an invalid address';
  const reason =
    holder === undefined
      ? `the node at ${at} cannot be a member, rename it: ${problem}`
      : `the node "${node}" at ${at} cannot be a member beside "${holder}", rename it: DNS and readers take them for one`;
  context.recordFact({ kind: 'gossipMessageRefused', node: holder ?? node, reason, ...sourceField(source) });
  return false;
}

/** Accepts a verified claim as if a member had introduced it. */
export const acceptClaim: AcceptClaim = (context, claim) => handleAlive(context, claim, LOCAL_SOURCE, true);

/**
 * An unknown member is added and announced at once if a member, or an answer to a push/pull of ours, introduces it. A
 * datagram from an address where no member lives may be the unknown member's own, and that one may send but not receive
 * (S9).
 */
function canIntroduce(context: SwimContext, source: MessageSource): boolean {
  if (source.kind !== 'packet' || !context.config.dialBack)
    return source.kind !== 'inbound' || !context.config.dialBack;
  return context.members.isAddressOfPeer(source.from);
}

function handleUnknownMember(
  context: SwimContext,
  alive: Alive,
  source: MessageSource,
  introduced: boolean,
): void {
  if (alive.incarnation === 0) return; // no agent announces incarnation 0
  const isRevival = context.recentlyDropped.isStale(alive, context.now);
  const isVerified = source === LOCAL_SOURCE;
  // Whoever introduces it may have invented it: in a full table it must answer first.
  const isTrusted = introduced && (isVerified || context.members.size < context.config.maxMembers);
  if (isRevival || !isTrusted) {
    const to = toAddress(alive.addr, alive.port);
    // The address is the sender's choice: no host is pinged for as many names as a stranger can think of (S31).
    if (source.kind === 'packet' && !context.dialBackLimiter.tryAcquire(to.host, context.now)) return;
    return void startVerification(context, isRevival ? 'revival' : 'newcomer', alive, to);
  }
  if (!makeRoom(context, alive.node, source)) return;
  context.recentlyDropped.delete(alive.node);
  const row = context.members.add(toIdentity(context, alive, undefined), context.now);
  applyAlive(context, row, alive, source);
}

/**
 * A name may move to another address once its member has been dead for long enough, or did not answer at its old address.
 * A member that left is asked too, since anybody with the key can forge a leave.
 *
 * Differs: memberlist then accepts any incarnation, and the next push/pull with a peer that holds a higher one removes
 * the member again. Here the claim must outbid the incarnation held, and its sender is notified of that.
 */
const canReclaim = (context: SwimContext, row: MutableMember, alive: Alive): boolean =>
  precedence(alive, row) === 'supersedes' && (isPastReclaimTime(context, row) || isFree(context, alive));

const isFree = (context: SwimContext, { node, addr, port }: Alive): boolean =>
  context.nameConflicts.resultOf(node, toAddress(addr, port), context.now) === 'free';

const isPastReclaimTime = ({ config, now }: SwimContext, row: MutableMember): boolean =>
  row.state === 'dead' && config.deadNodeReclaimTime > 0 && now - row.since > config.deadNodeReclaimTime;

/** Overwrites the row, broadcasts the message, and reports what changed. */
function applyAlive(context: SwimContext, row: MutableMember, alive: Alive, source: MessageSource): void {
  const { node, incarnation } = alive;
  const before = row.state;
  const isNew = row.incarnation === 0;
  const formerAddress = row.identity.address;
  chargeSource(context, context.suspicions.get(row)?.verdict?.reason);
  clearSuspicion(context, row);
  endRefutedLeave(context, row, incarnation);
  endAbsenceIfBack(context, row, incarnation);
  context.broadcasts.enqueue(encodeMessage(alive), node);
  const moved = !isAtAddress(row.identity, alive.addr, alive.port);
  const updated = moved || !sameBytes(row.identity.meta, alive.meta);
  context.members.setIdentity(row, toIdentity(context, alive, row.identity));
  if (moved) onAddressChange(context, row, formerAddress);
  context.members.setIncarnation(row, incarnation);
  if (isNew || moved || isFirstHand(alive, source)) recordWord(context, row, incarnation);
  context.members.setState(row, 'alive', context.now);
  if (isNew)
    context.recordFact({ kind: 'memberDiscovered', node, address: formatAddress(row.identity.address) });
  else if (before === 'suspect')
    context.recordFact({
      kind: 'suspicionCleared',
      node,
      incarnation,
      source: formatSource(context, source),
    });
  else if (before !== 'alive')
    context.recordFact({
      kind: 'memberReturned',
      node,
      incarnation,
      source: formatSource(context, source),
    });
  else context.recordFact({ kind: 'incarnationRaised', node, incarnation });
  if (before === 'dead' || before === 'left')
    context.emit({ kind: 'memberJoined', member: row, ...(isNew ? { isNew } : {}) });
  else if (updated) context.emit({ kind: 'memberUpdated', member: row });
}

/** Discards what was known of the link to the old address, and of conflicts about the name. */
function onAddressChange(context: SwimContext, row: MutableMember, formerAddress: Address): void {
  const { name: node, address } = row.identity;
  context.oneWayLinks.delete(row);
  context.members.setAnswered(row, false);
  context.nameConflicts.delete(node);
  context.recordFact({
    kind: 'nameReclaimed',
    node,
    previous: formatAddress(formerAddress),
    claimed: formatAddress(address),
  });
}

/** The identity in an alive message as a copy, or `held` if it is the same. */
function toIdentity(context: SwimContext, alive: Alive, held: Identity | undefined): Identity {
  const sameAddress = held !== undefined && isAtAddress(held, alive.addr, alive.port);
  if (sameAddress && sameBytes(held.meta, alive.meta) && sameBytes(held.vsn, alive.vsn)) return held;
  const own = context.self.identity;
  return context.intern({
    name: alive.node,
    address: sameAddress ? held.address : toAddress(alive.addr, alive.port),
    meta: shareBytes(alive.meta, own.meta),
    vsn: shareBytes(alive.vsn, own.vsn),
  });
}

/** Most members have the versions of this agent, and many its tags: those take no memory of their own. */
const shareBytes = (octets: Uint8Array, own: Uint8Array): Uint8Array =>
  sameBytes(octets, own) ? own : copyBytes(octets);

function handleAliveAboutSelf(context: SwimContext, alive: Alive, source: MessageSource): void {
  const { self } = context;
  if (self.state === 'left' || !isIp(alive.addr)) return;
  const isHere = isAtAddress(self.identity, alive.addr, alive.port);
  if (!isHere && !isFormerAddress(context, alive)) return handleOwnNameConflict(context, alive);
  if (alive.incarnation < self.incarnation) return;
  const isOurs =
    isHere && sameBytes(alive.meta, self.identity.meta) && sameBytes(alive.vsn, self.identity.vsn);
  if (alive.incarnation === self.incarnation && isOurs) return;
  refute(context, alive.incarnation, replyAddress(source)?.key ?? context.name, source);
}

const isFormerAddress = ({ formerAddresses }: SwimContext, { addr, port }: Alive): boolean =>
  formerAddresses.some((former) => former.port === port && sameBytes(former.ip, addr));
