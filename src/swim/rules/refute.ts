/**
 * This agent's own messages: it announces itself, refutes accusations, changes its meta or address, and leaves. Its
 * incarnation is raised only here.
 *
 * Source: SWIM §4.2; memberlist state.go (refute, setAlive), memberlist.go (UpdateNode, Leave).
 */
import { type Address, formatAddress } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import { copyBytes } from '../../base/bytes.ts';
import { type Alive, type Dead, encodeMessage } from '../../wire/memberlist.ts';
import type { Broadcast } from '../broadcasts.ts';
import { isAtAddress, type SwimContext } from '../context.ts';
import { MAX_INCARNATION, MAX_LEAD } from '../precedence.ts';
import type { Identity } from '../types.ts';
import { accusationReason, formatSource, LOCAL_SOURCE, type MessageSource, replyAddress } from './source.ts';

/** Former addresses that peers may still hold. */
const MAX_FORMER_ADDRESSES = 8;

/** The current alive message about this agent. */
export function ownAlive(context: SwimContext): Alive {
  const { identity, incarnation } = context.self;
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

export function announceAlive(context: SwimContext): void {
  context.broadcasts.enqueue(encodeMessage(ownAlive(context)), context.name);
}

/**
 * This agent will stop and be back: it announces itself at an incarnation of its own, which ends what is said against it
 * now, and which its next life exceeds even if it knows nothing of this one. Then it says nothing more.
 */
export function announcePause(context: SwimContext): Alive {
  const { self } = context;
  context.members.setIncarnation(self, Math.min(MAX_INCARNATION, self.incarnation + 1));
  announceAlive(context);
  context.recordFact({ kind: 'incarnationRaised', node: context.name, incarnation: self.incarnation });
  context.isPausing = true;
  return ownAlive(context);
}

/**
 * Refutes an accusation by `by` at incarnation `accused`. The refutation is broadcast, and sent at once to the source of
 * a datagram. An accusation that cannot be outbid is refused.
 *
 * Differs: memberlist's incarnation overflows, and then nobody believes the refutation (memberlist#358); it sends
 * nothing to the source.
 */
export function refute(context: SwimContext, accused: number, by: string, source: MessageSource): void {
  const { self } = context;
  const from = replyAddress(source);
  const raised = Math.min(MAX_INCARNATION, Math.max(self.incarnation, accused) + 1);
  if (
    !canOutbid(context, accused) ||
    !context.incarnationBudget.tryRaise(raised - self.incarnation, context.now)
  ) {
    context.recordFact({
      kind: 'gossipMessageRefused',
      node: context.name,
      reason: `incarnation ${accused}`,
      ...(from === undefined ? {} : { source: from.key }),
    });
    // Who believes it may ask: what is far below that makes it ask (own-word.ts).
    const peer = source.kind === 'outbound' ? source.from : from;
    if (peer !== undefined) repeatRefutation(context, peer);
    return;
  }
  context.members.setIncarnation(self, raised);
  // Invariant: a refutation outbids what it refutes.
  assert(self.incarnation > accused, `a refutation at ${self.incarnation} of an accusation at ${accused}`);
  announceAlive(context);
  context.recordFact({
    kind: 'suspicionRefuted',
    incarnation: self.incarnation,
    by,
    source: formatSource(context, source),
  });
  context.awareness.apply(1, context.out);
  if (from !== undefined) sendOwnAlive(context, from);
}

/**
 * Answers an accusation that is already refuted: its sender has not received the refutation. At most one answer per
 * address and gossip interval.
 *
 * Differs: memberlist does not answer, and a member that missed the refutation holds us as dead until the next push/pull.
 */
export function repeatRefutation(context: SwimContext, from: Address): void {
  if (context.self.state !== 'left' && context.refutationLimiter.tryAcquire(from.key, context.now))
    sendOwnAlive(context, from);
}

/**
 * Somebody speaks of this agent, which has left: its own word, sent by itself, is believed at once (leave.ts). At most one
 * answer per address and gossip interval.
 */
export function repeatLeave(context: SwimContext, from: Address): void {
  if (context.refutationLimiter.tryAcquire(from.key, context.now))
    context.send(from, undefined, ownLeave(context));
}

const ownLeave = ({ name, self }: SwimContext): Dead => ({
  kind: 'dead',
  incarnation: self.incarnation,
  node: name,
  from: name,
});

function sendOwnAlive(context: SwimContext, to: Address): void {
  context.send(to, undefined, ownAlive(context));
}

/** Does this agent follow so far? Peers of this program cannot have been led further. */
export const canOutbid = (context: SwimContext, accused: number): boolean =>
  accused < MAX_INCARNATION && accused <= context.self.incarnation + MAX_LEAD;

/** Announces a new meta, of at most 512 bytes, at a new incarnation. */
export function changeMeta(context: SwimContext, meta: Uint8Array): void {
  if (context.self.state === 'left' || context.isPausing) return;
  updateSelf(context, { ...context.self.identity, meta: copyBytes(meta) });
}

/**
 * Announces a new address at a new incarnation. Agents of this program believe it as soon as the old address does not
 * answer.
 *
 * Differs: memberlist cannot change an address; its agents believe the new one of a member that left or is dead.
 */
export function changeAddress(context: SwimContext, address: Address): void {
  const { identity, state } = context.self;
  if (state === 'left' || context.isPausing || isAtAddress(identity, address.ip, address.port)) return;
  context.formerAddresses.push(identity.address);
  if (context.formerAddresses.length > MAX_FORMER_ADDRESSES) context.formerAddresses.shift();
  context.recordFact({
    kind: 'addressChanged',
    previous: formatAddress(identity.address),
    address: formatAddress(address),
  });
  updateSelf(context, { ...identity, address });
}

function updateSelf(context: SwimContext, identity: Identity): void {
  const { self } = context;
  context.members.setIncarnation(self, Math.min(MAX_INCARNATION, self.incarnation + 1));
  context.members.setIdentity(self, context.intern(identity));
  announceAlive(context);
  context.emit({ kind: 'memberUpdated', member: self });
}

/** Leaves: a dead message signed by the member itself. Returns its broadcast. */
export function announceLeave(context: SwimContext): Broadcast {
  const { self, name } = context;
  const { incarnation } = self;
  const message = ownLeave(context);
  context.members.setState(self, 'left', context.now);
  const broadcast = context.broadcasts.enqueue(encodeMessage(message), name);
  const reason = accusationReason(context, name, LOCAL_SOURCE);
  context.recordFact({ kind: 'memberDeclaredDead', node: name, by: name, incarnation, left: true, reason });
  context.emit({ kind: 'memberDown', member: self, left: true, by: name });
  return broadcast;
}
