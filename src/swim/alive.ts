/**
 * What we do on hearing that a member is alive: adopt, update, revive, or refuse. Rumors about ourselves that
 * must be answered go to refute.ts.
 *
 * Source: memberlist state.go, aliveNode; protocol reference 3.5.
 */
import { type Address, address, hostPort } from '../base/address.ts';
import { copyOf, sameBytes } from '../base/bytes.ts';
import type { Millis } from '../base/time.ts';
import { type Alive, encodeMessage } from '../wire/memberlist.ts';
import { type Core, emit, isIp, livesAt, note } from './core.ts';
import type { Row } from './members.ts';
import { refute } from './refute.ts';
import { askWhetherAlive } from './revival.ts';
import { isPlausible, weigh } from './rumor.ts';
import type { Identity, SwimEffect } from './types.ts';
import { canLiveWith, isSane } from './versions.ts';

/** `from` is the datagram's source; `undefined` for a row of a push/pull. */
export function heardAlive(
  core: Core,
  message: Alive,
  from: Address | undefined,
  now: Millis,
  out: SwimEffect[],
): void {
  const alive = message.port === 0 ? { ...message, port: core.self.identity.address.port } : message;
  const row = core.members.get(alive.node);
  if (row === core.self) return heardOfOurselves(core, alive, from, now, out);
  // By far most news is old: say so before looking closer.
  if (row !== undefined && weigh(alive, row) === 'stale' && livesAt(row.identity, alive.addr, alive.port)) {
    if (row.state !== 'alive') core.rebukes.send(row, row.identity.address, core.name, now, out);
    return;
  }
  const why = unbelievable(core, alive, row);
  if (why !== undefined) return note(out, { kind: 'rumorRefused', node: alive.node, why });
  if (row === undefined) return heardOfStranger(core, alive, now, out);
  if (!livesAt(row.identity, alive.addr, alive.port) && !mayMove(core, row, alive, now))
    return contested(core, row, alive, now, out);
  adopt(core, row, alive, now, out);
}

/** Why this must be neither stored nor told on. */
function unbelievable(core: Core, alive: Alive, row: Row | undefined): string | undefined {
  if (!isPlausible(alive.incarnation, row?.incarnation)) return `incarnation ${alive.incarnation}`;
  if (!isIp(alive.addr)) return `an address of ${alive.addr.length} octets`;
  if (!isSane(alive.vsn) || !canLiveWith(alive.vsn, core.self.identity.vsn))
    return `versions ${alive.vsn.join('.')}`;
  return undefined;
}

function heardOfStranger(core: Core, alive: Alive, now: Millis, out: SwimEffect[]): void {
  if (alive.incarnation === 0) return; // nobody ever announced that
  if (core.graves.covers(alive, now)) return askWhetherAlive(core, alive, now, out);
  core.graves.open(alive.node);
  adopt(core, core.members.add(identityOf(core, alive, undefined), now), alive, now, out);
}

/**
 * May the name come back under another address? If it left, or is dead for long enough.
 *
 * Differs: memberlist then takes any incarnation, and the next full exchange with somebody who remembers more
 * throws the member out again. Here it must outbid what we hold, and is told so.
 */
const mayMove = (core: Core, row: Row, alive: Alive, now: Millis): boolean =>
  weigh(alive, row) === 'news' && (row.state === 'left' || isReclaimable(core, row, now));

const isReclaimable = (core: Core, row: Row, now: Millis): boolean =>
  row.state === 'dead' &&
  core.config.deadNodeReclaimTime > 0 &&
  now - row.since > core.config.deadNodeReclaimTime;

function contested(core: Core, row: Row, alive: Alive, now: Millis, out: SwimEffect[]): void {
  const other = address(alive.addr, alive.port);
  const down = row.state === 'dead' || row.state === 'left';
  if (down && weigh(alive, row) === 'stale') core.rebukes.send(row, other, core.name, now, out);
  if (row.state === 'left') return; // free to take, once it outbids the leave
  const held = hostPort(row.identity.address);
  note(out, { kind: 'nameContested', node: alive.node, held, claimed: hostPort(other) });
  emit(out, { kind: 'nameConflict', member: row, other });
}

/** Takes the row over, tells others, and says what changed. */
function adopt(core: Core, row: Row, alive: Alive, now: Millis, out: SwimEffect[]): void {
  const { node, incarnation } = alive;
  const before = row.state;
  const isNew = row.incarnation === 0;
  core.suspicions.stop(row);
  core.queue.queue(encodeMessage(alive), node);
  const updated = !sameBytes(row.identity.meta, alive.meta);
  row.identity = identityOf(core, alive, row.identity);
  row.incarnation = incarnation;
  core.members.change(row, 'alive', now);
  if (isNew) note(out, { kind: 'memberAppeared', node, address: hostPort(row.identity.address) });
  else if (before === 'suspect') note(out, { kind: 'suspicionLifted', node, incarnation });
  else if (before !== 'alive') note(out, { kind: 'memberReturned', node, incarnation });
  if (before === 'dead' || before === 'left') emit(out, { kind: 'memberJoined', member: row });
  else if (updated) emit(out, { kind: 'memberUpdated', member: row });
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

function heardOfOurselves(
  core: Core,
  alive: Alive,
  from: Address | undefined,
  now: Millis,
  out: SwimEffect[],
): void {
  const { self } = core;
  if (self.state === 'left' || !isIp(alive.addr)) return;
  if (!livesAt(self.identity, alive.addr, alive.port)) return contested(core, self, alive, now, out);
  if (alive.incarnation < self.incarnation) return;
  const ours = sameBytes(alive.meta, self.identity.meta) && sameBytes(alive.vsn, self.identity.vsn);
  if (alive.incarnation === self.incarnation && ours) return;
  refute(core, alive.incarnation, from?.key ?? core.name, from, out);
}
