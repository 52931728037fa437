/**
 * What we do on hearing that a member is alive: adopt, update, revive, or refuse. Rumors about ourselves that
 * must be answered go to refute.ts.
 *
 * Source: memberlist state.go, aliveNode; P22, P23 (docs/protocol.md).
 */
import { type Address, formatAddress, toAddress } from '../../base/address.ts';
import { copyBytes, sameBytes } from '../../base/bytes.ts';
import type { Millis } from '../../base/time.ts';
import { type Alive, encodeMessage } from '../../wire/memberlist.ts';
import { emit, isAtAddress, isIp, recordFact, type SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { isPlausibleIncarnation, isUp, precedence } from '../precedence.ts';
import type { Identity, SwimEffect } from '../types.ts';
import { isCompatible, isValidVsn } from '../versions.ts';
import { refute } from './refute.ts';
import { formatSource, LOCAL_SOURCE, type MessageSource, replyAddress, sourceField } from './source.ts';
import { clearSuspicion } from './suspect-dead.ts';
import { type AcceptClaim, handleNameConflict, handleOwnNameConflict, startVerification } from './verify.ts';

/** `vouched`: somebody we believe has met it, if it is a stranger; `undefined`: look whose datagram it was. */
export function handleAlive(
  core: SwimContext,
  message: Alive,
  source: MessageSource,
  now: Millis,
  out: SwimEffect[],
  vouched?: boolean,
): void {
  const alive = message.port === 0 ? { ...message, port: core.self.identity.address.port } : message;
  const row = core.members.get(alive.node);
  if (row === core.self) return handleAliveAboutSelf(core, alive, source, now, out);
  // By far most news is old: say so before looking closer.
  if (
    row !== undefined &&
    precedence(alive, row) === 'stale' &&
    isAtAddress(row.identity, alive.addr, alive.port)
  ) {
    if (row.state !== 'alive') core.downNotifier.notify(row, row.identity.address, core.name, now, out);
    return;
  }
  const reason = rejectionReason(core, alive, row);
  if (reason !== undefined)
    return recordFact(out, {
      kind: 'gossipMessageRefused',
      node: alive.node,
      reason,
      ...sourceField(source),
    });
  if (row === undefined)
    return handleUnknownMember(core, alive, source, vouched ?? canIntroduce(core, source), now, out);
  if (!isAtAddress(row.identity, alive.addr, alive.port) && !canReclaim(core, row, alive, now))
    return handleNameConflict(core, row, alive, now, out);
  applyAlive(core, row, alive, source, now, out);
}

/** Why this must be neither stored nor told on. */
function rejectionReason(
  core: SwimContext,
  alive: Alive,
  row: MutableMember | undefined,
): string | undefined {
  if (!isPlausibleIncarnation(alive.incarnation, row?.incarnation)) return `incarnation ${alive.incarnation}`;
  if (!isIp(alive.addr)) return `an address of ${alive.addr.length} octets`;
  if (!isValidVsn(alive.vsn) || !isCompatible(alive.vsn, core.self.identity.vsn))
    return `versions ${alive.vsn.join('.')}`;
  return undefined;
}

/** It answered, or nobody did where the name lived before: taken as if a member had told us. */
export const acceptClaim: AcceptClaim = (core, claim, now, out) =>
  handleAlive(core, claim, LOCAL_SOURCE, now, out, true);

/**
 * A stranger is adopted, and told of to others, if a member tells us of it or we asked who is there. What comes from
 * an address where no member lives is perhaps its own word: it could be one that sends and never hears (S9).
 */
function canIntroduce(core: SwimContext, source: MessageSource): boolean {
  if (source.kind !== 'packet' || !core.config.dialBack)
    return source.kind !== 'inbound' || !core.config.dialBack;
  const { ip, port } = source.from;
  for (const row of core.members.all())
    if (isUp(row.state) && row !== core.self && isAtAddress(row.identity, ip, port)) return true;
  return false;
}

function handleUnknownMember(
  core: SwimContext,
  alive: Alive,
  source: MessageSource,
  vouched: boolean,
  now: Millis,
  out: SwimEffect[],
): void {
  if (alive.incarnation === 0) return; // nobody ever announced that
  const to = (): Address => toAddress(alive.addr, alive.port);
  if (core.recentlyDropped.isStale(alive, now))
    return void startVerification(core, 'revival', alive, to(), now, out);
  if (!vouched) return void startVerification(core, 'newcomer', alive, to(), now, out);
  core.recentlyDropped.delete(alive.node);
  applyAlive(core, core.members.add(toIdentity(core, alive, undefined), now), alive, source, now, out);
}

/**
 * May the name come back under another address? If it is dead for long enough, or was asked where it lived and is silent.
 * One that left is asked too: anybody may have said so in its name.
 *
 * Differs: memberlist then takes any incarnation, and the next full exchange with somebody who remembers more
 * throws the member out again. Here it must outbid what we hold, and is told so.
 */
const canReclaim = (core: SwimContext, row: MutableMember, alive: Alive, now: Millis): boolean =>
  precedence(alive, row) === 'supersedes' && (isPastReclaimTime(core, row, now) || isFree(core, alive, now));

const isFree = (core: SwimContext, { node, addr, port }: Alive, now: Millis): boolean =>
  core.nameConflicts.verdict(node, toAddress(addr, port), now) === 'free';

const isPastReclaimTime = (core: SwimContext, row: MutableMember, now: Millis): boolean =>
  row.state === 'dead' &&
  core.config.deadNodeReclaimTime > 0 &&
  now - row.since > core.config.deadNodeReclaimTime;

/** Takes the row over, tells others, and says what changed. */
function applyAlive(
  core: SwimContext,
  row: MutableMember,
  alive: Alive,
  source: MessageSource,
  now: Millis,
  out: SwimEffect[],
): void {
  const { node, incarnation } = alive;
  const before = row.state;
  const isNew = row.incarnation === 0;
  const held = row.identity.address;
  clearSuspicion(core, row);
  core.broadcasts.enqueue(encodeMessage(alive), node);
  const moved = !isAtAddress(row.identity, alive.addr, alive.port);
  const updated = moved || !sameBytes(row.identity.meta, alive.meta);
  row.identity = toIdentity(core, alive, row.identity);
  if (moved) onAddressChange(core, row, held, out);
  row.incarnation = incarnation;
  core.members.setState(row, 'alive', now);
  if (isNew)
    recordFact(out, { kind: 'memberDiscovered', node, address: formatAddress(row.identity.address) });
  else if (before === 'suspect')
    recordFact(out, { kind: 'suspicionCleared', node, incarnation, source: formatSource(core, source) });
  else if (before !== 'alive')
    recordFact(out, { kind: 'memberReturned', node, incarnation, source: formatSource(core, source) });
  else recordFact(out, { kind: 'incarnationRaised', node, incarnation });
  if (before === 'dead' || before === 'left') emit(out, { kind: 'memberJoined', member: row });
  else if (updated) emit(out, { kind: 'memberUpdated', member: row });
}

/** What was known of the way there, and of who may live there, is of no use any more. */
function onAddressChange(core: SwimContext, row: MutableMember, previous: Address, out: SwimEffect[]): void {
  const { name: node, address: claimed } = row.identity;
  core.oneWayLinks.delete(row);
  core.nameConflicts.delete(node);
  recordFact(out, {
    kind: 'nameReclaimed',
    node,
    previous: formatAddress(previous),
    claimed: formatAddress(claimed),
  });
}

/** What is said there, in memory of our own; what we hold already, if it says the same. */
function toIdentity(core: SwimContext, alive: Alive, held: Identity | undefined): Identity {
  const there = held !== undefined && isAtAddress(held, alive.addr, alive.port);
  if (there && sameBytes(held.meta, alive.meta) && sameBytes(held.vsn, alive.vsn)) return held;
  return core.intern({
    name: alive.node,
    address: there ? held.address : toAddress(alive.addr, alive.port),
    meta: copyBytes(alive.meta),
    vsn: copyBytes(alive.vsn),
  });
}

function handleAliveAboutSelf(
  core: SwimContext,
  alive: Alive,
  source: MessageSource,
  now: Millis,
  out: SwimEffect[],
): void {
  const { self } = core;
  if (self.state === 'left' || !isIp(alive.addr)) return;
  const here = isAtAddress(self.identity, alive.addr, alive.port);
  if (!here && !isFormerAddress(core, alive)) return handleOwnNameConflict(core, alive, now, out);
  if (alive.incarnation < self.incarnation) return;
  const ours = here && sameBytes(alive.meta, self.identity.meta) && sameBytes(alive.vsn, self.identity.vsn);
  if (alive.incarnation === self.incarnation && ours) return;
  const from = replyAddress(source);
  refute(core, alive.incarnation, from?.key ?? core.name, from, out, formatSource(core, source));
}

const isFormerAddress = ({ formerAddresses }: SwimContext, { addr, port }: Alive): boolean =>
  formerAddresses.some((former) => former.port === port && sameBytes(former.ip, addr));
