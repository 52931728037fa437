/**
 * What we do on hearing that a member is alive: adopt, update, revive, or refuse. Rumors about ourselves that
 * must be answered go to refute.ts.
 *
 * Source: memberlist state.go, aliveNode; protocol reference 3.5.
 */
import { type Address, address, hostPort } from '../../base/address.ts';
import { copyOf, sameBytes } from '../../base/bytes.ts';
import type { Millis } from '../../base/time.ts';
import { type Alive, encodeMessage } from '../../wire/memberlist.ts';
import { type Core, emit, isIp, livesAt, note } from '../context.ts';
import type { Row } from '../members.ts';
import { isPlausible, isUp, weigh } from '../precedence.ts';
import type { Identity, SwimEffect } from '../types.ts';
import { canLiveWith, isSane } from '../versions.ts';
import { refute } from './refute.ts';
import { namedIn, OURSELVES, replyTo, type Source, sourceOf } from './source.ts';
import { acquit } from './suspect-dead.ts';
import { type Believe, dispute, disputeOurs, doubt } from './verify.ts';

/** `vouched`: somebody we believe has met it, if it is a stranger; `undefined`: look whose datagram it was. */
export function heardAlive(
  core: Core,
  message: Alive,
  source: Source,
  now: Millis,
  out: SwimEffect[],
  vouched?: boolean,
): void {
  const alive = message.port === 0 ? { ...message, port: core.self.identity.address.port } : message;
  const row = core.members.get(alive.node);
  if (row === core.self) return heardOfOurselves(core, alive, source, now, out);
  // By far most news is old: say so before looking closer.
  if (row !== undefined && weigh(alive, row) === 'stale' && livesAt(row.identity, alive.addr, alive.port)) {
    if (row.state !== 'alive') core.rebukes.send(row, row.identity.address, core.name, now, out);
    return;
  }
  const why = unbelievable(core, alive, row);
  if (why !== undefined)
    return note(out, { kind: 'rumorRefused', node: alive.node, why, ...namedIn(source) });
  if (row === undefined)
    return heardOfStranger(core, alive, source, vouched ?? isVouched(core, source), now, out);
  if (!livesAt(row.identity, alive.addr, alive.port) && !mayMove(core, row, alive, now))
    return dispute(core, row, alive, now, out);
  adopt(core, row, alive, source, now, out);
}

/** Why this must be neither stored nor told on. */
function unbelievable(core: Core, alive: Alive, row: Row | undefined): string | undefined {
  if (!isPlausible(alive.incarnation, row?.incarnation)) return `incarnation ${alive.incarnation}`;
  if (!isIp(alive.addr)) return `an address of ${alive.addr.length} octets`;
  if (!isSane(alive.vsn) || !canLiveWith(alive.vsn, core.self.identity.vsn))
    return `versions ${alive.vsn.join('.')}`;
  return undefined;
}

/** It answered, or nobody did where the name lived before: taken as if a member had told us. */
export const believe: Believe = (core, claim, now, out) => heardAlive(core, claim, OURSELVES, now, out, true);

/**
 * A stranger is adopted, and told of to others, if a member tells us of it or we asked who is there. What comes from
 * an address where no member lives is perhaps its own word: it could be one that sends and never hears (S9).
 */
function isVouched(core: Core, source: Source): boolean {
  if (source.kind !== 'packet' || !core.config.dialBack)
    return source.kind !== 'served' || !core.config.dialBack;
  const { ip, port } = source.from;
  for (const row of core.members.all())
    if (isUp(row.state) && row !== core.self && livesAt(row.identity, ip, port)) return true;
  return false;
}

function heardOfStranger(
  core: Core,
  alive: Alive,
  source: Source,
  vouched: boolean,
  now: Millis,
  out: SwimEffect[],
): void {
  if (alive.incarnation === 0) return; // nobody ever announced that
  const to = (): Address => address(alive.addr, alive.port);
  if (core.graves.covers(alive, now)) return void doubt(core, 'revival', alive, to(), now, out);
  if (!vouched) return void doubt(core, 'newcomer', alive, to(), now, out);
  core.graves.open(alive.node);
  adopt(core, core.members.add(identityOf(core, alive, undefined), now), alive, source, now, out);
}

/**
 * May the name come back under another address? If it is dead for long enough, or was asked where it lived and is silent.
 * One that left is asked too: anybody may have said so in its name.
 *
 * Differs: memberlist then takes any incarnation, and the next full exchange with somebody who remembers more
 * throws the member out again. Here it must outbid what we hold, and is told so.
 */
const mayMove = (core: Core, row: Row, alive: Alive, now: Millis): boolean =>
  weigh(alive, row) === 'news' && (isReclaimable(core, row, now) || isFree(core, alive, now));

const isFree = (core: Core, { node, addr, port }: Alive, now: Millis): boolean =>
  core.disputes.verdict(node, address(addr, port), now) === 'free';

const isReclaimable = (core: Core, row: Row, now: Millis): boolean =>
  row.state === 'dead' &&
  core.config.deadNodeReclaimTime > 0 &&
  now - row.since > core.config.deadNodeReclaimTime;

/** Takes the row over, tells others, and says what changed. */
function adopt(core: Core, row: Row, alive: Alive, source: Source, now: Millis, out: SwimEffect[]): void {
  const { node, incarnation } = alive;
  const before = row.state;
  const isNew = row.incarnation === 0;
  const held = row.identity.address;
  acquit(core, row);
  core.queue.queue(encodeMessage(alive), node);
  const moved = !livesAt(row.identity, alive.addr, alive.port);
  const updated = moved || !sameBytes(row.identity.meta, alive.meta);
  row.identity = identityOf(core, alive, row.identity);
  if (moved) moveOut(core, row, held, out);
  row.incarnation = incarnation;
  core.members.change(row, 'alive', now);
  if (isNew) note(out, { kind: 'memberAppeared', node, address: hostPort(row.identity.address) });
  else if (before === 'suspect')
    note(out, { kind: 'suspicionLifted', node, incarnation, source: sourceOf(core, source) });
  else if (before !== 'alive')
    note(out, { kind: 'memberReturned', node, incarnation, source: sourceOf(core, source) });
  else note(out, { kind: 'incarnationRaised', node, incarnation });
  if (before === 'dead' || before === 'left') emit(out, { kind: 'memberJoined', member: row });
  else if (updated) emit(out, { kind: 'memberUpdated', member: row });
}

/** What was known of the way there, and of who may live there, is of no use any more. */
function moveOut(core: Core, row: Row, held: Address, out: SwimEffect[]): void {
  const { name: node, address: claimed } = row.identity;
  core.links.forget(row);
  core.disputes.forget(node);
  note(out, { kind: 'nameReclaimed', node, held: hostPort(held), claimed: hostPort(claimed) });
}

/** What is said there, in memory of our own; what we hold already, if it says the same. */
function identityOf(core: Core, alive: Alive, held: Identity | undefined): Identity {
  const there = held !== undefined && livesAt(held, alive.addr, alive.port);
  if (there && sameBytes(held.meta, alive.meta) && sameBytes(held.vsn, alive.vsn)) return held;
  return core.intern({
    name: alive.node,
    address: there ? held.address : address(alive.addr, alive.port),
    meta: copyOf(alive.meta),
    vsn: copyOf(alive.vsn),
  });
}

function heardOfOurselves(core: Core, alive: Alive, source: Source, now: Millis, out: SwimEffect[]): void {
  const { self } = core;
  if (self.state === 'left' || !isIp(alive.addr)) return;
  const here = livesAt(self.identity, alive.addr, alive.port);
  if (!here && !isFormer(core, alive)) return disputeOurs(core, alive, now, out);
  if (alive.incarnation < self.incarnation) return;
  const ours = here && sameBytes(alive.meta, self.identity.meta) && sameBytes(alive.vsn, self.identity.vsn);
  if (alive.incarnation === self.incarnation && ours) return;
  const from = replyTo(source);
  refute(core, alive.incarnation, from?.key ?? core.name, from, out, sourceOf(core, source));
}

const isFormer = ({ formerAddresses }: Core, { addr, port }: Alive): boolean =>
  formerAddresses.some((former) => former.port === port && sameBytes(former.ip, addr));
