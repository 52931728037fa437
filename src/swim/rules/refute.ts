/**
 * Our own word: announcing ourselves, answering accusations, changing our meta, leaving. Only here does our
 * incarnation grow.
 *
 * Source: SWIM §4.2; memberlist state.go (refute, setAlive), memberlist.go (UpdateNode, Leave).
 */
import { type Address, formatAddress } from '../../base/address.ts';
import { copyBytes } from '../../base/bytes.ts';
import type { Millis } from '../../base/time.ts';
import { type Alive, type Dead, encodeMessage } from '../../wire/memberlist.ts';
import type { Broadcast } from '../broadcasts.ts';
import { emit, isAtAddress, recordFact, type SwimContext } from '../context.ts';
import { isPlausibleIncarnation, MAX_INCARNATION } from '../precedence.ts';
import type { Identity, SwimEffect } from '../types.ts';
import { accusationReason, LOCAL_SOURCE } from './source.ts';

/** Addresses we had that others may still remember us by. */
const MAX_FORMER = 8;

/** What we say of ourselves now. */
export function ownAlive(core: SwimContext): Alive {
  const { identity, incarnation } = core.self;
  const { ip, port } = identity.address;
  return {
    kind: 'alive',
    incarnation,
    node: identity.name,
    addr: ip,
    port,
    meta: identity.meta,
    vsn: identity.vsn,
  };
}

export function announceAlive(core: SwimContext): void {
  core.broadcasts.enqueue(encodeMessage(ownAlive(core)), core.name);
}

/**
 * Outbids `accused`, the incarnation at which somebody says we are not what we are. The answer is gossiped, and
 * goes back at once to the datagram's source, if there is one. Nothing happens when it cannot be outbid. `source` is
 * only written down.
 *
 * Differs: memberlist wraps at the top and is then lost (memberlist#358); it does not answer the source.
 */
export function refute(
  core: SwimContext,
  accused: number,
  by: string,
  from: Address | undefined,
  out: SwimEffect[],
  source: string,
): void {
  const { self } = core;
  if (!canOutbid(core, accused)) {
    const source = from === undefined ? {} : { source: from.key };
    recordFact(out, {
      kind: 'gossipMessageRefused',
      node: core.name,
      reason: `incarnation ${accused}`,
      ...source,
    });
    return;
  }
  self.incarnation = Math.min(MAX_INCARNATION, Math.max(self.incarnation, accused) + 1);
  announceAlive(core);
  recordFact(out, { kind: 'suspicionRefuted', incarnation: self.incarnation, by, source });
  core.awareness.apply(1, out);
  if (from !== undefined) sendOwnAlive(core, from, out);
}

/**
 * An accusation that we have outbid already: whoever still says so did not hear it, and hears it now. At most one such
 * answer per address and gossip interval.
 *
 * Differs: memberlist is silent, and who missed the refutation holds us for dead until the next push/pull.
 */
export function repeatRefutation(core: SwimContext, from: Address, now: Millis, out: SwimEffect[]): void {
  if (core.self.state !== 'left' && core.refutationLimiter.tryAcquire(from.key, now))
    sendOwnAlive(core, from, out);
}

function sendOwnAlive(core: SwimContext, to: Address, out: SwimEffect[]): void {
  out.push({ kind: 'send', to, peer: undefined, message: ownAlive(core), piggyback: false });
}

/** Can the answer to an accusation at this incarnation be believed by anybody? */
export const canOutbid = (core: SwimContext, accused: number): boolean =>
  isPlausibleIncarnation(accused, core.self.incarnation) && accused < MAX_INCARNATION;

/** A new meta, of at most 512 bytes, is a new incarnation. */
export function changeMeta(core: SwimContext, meta: Uint8Array, out: SwimEffect[]): void {
  if (core.self.state !== 'left') updateSelf(core, { ...core.self.identity, meta: copyBytes(meta) }, out);
}

/**
 * Others can reach us there from now on, and no longer where they could before. Agents of this program believe it as
 * soon as nobody answers at the old address.
 *
 * Differs: memberlist has no such thing; its agents believe it of a member that left, or once they hold it for dead.
 */
export function changeAddress(core: SwimContext, address: Address, out: SwimEffect[]): void {
  const { identity, state } = core.self;
  if (state === 'left' || isAtAddress(identity, address.ip, address.port)) return;
  core.formerAddresses.push(identity.address);
  if (core.formerAddresses.length > MAX_FORMER) core.formerAddresses.shift();
  recordFact(out, {
    kind: 'addressChanged',
    previous: formatAddress(identity.address),
    address: formatAddress(address),
  });
  updateSelf(core, { ...identity, address }, out);
}

/** Something else is true of us: a new incarnation. */
function updateSelf(core: SwimContext, identity: Identity, out: SwimEffect[]): void {
  const { self } = core;
  self.incarnation = Math.min(MAX_INCARNATION, self.incarnation + 1);
  self.identity = core.intern(identity);
  announceAlive(core);
  emit(out, { kind: 'memberUpdated', member: self });
}

/** From now on we have left, by our own word. The handle tells when it has been told often enough. */
export function announceLeave(core: SwimContext, now: Millis, out: SwimEffect[]): Broadcast {
  const { self } = core;
  const word: Dead = { kind: 'dead', incarnation: self.incarnation, node: core.name, from: core.name };
  core.members.setState(self, 'left', now);
  const broadcast = core.broadcasts.enqueue(encodeMessage(word), core.name);
  const { incarnation } = self;
  const by = core.name;
  const reason = accusationReason(core, by, LOCAL_SOURCE);
  recordFact(out, { kind: 'memberDeclaredDead', node: by, by, incarnation, left: true, reason });
  emit(out, { kind: 'memberDown', member: self, left: true, by: core.name });
  return broadcast;
}
