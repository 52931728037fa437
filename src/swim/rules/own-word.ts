/**
 * A member's own word on its incarnation: the row that it has of itself in its answer to a push/pull that this agent
 * dialed. It is believed whatever others have said, also below what is held, if the member would not follow that far.
 * What others say is measured by it (precedence.ts), and where the two are far apart the member is asked.
 *
 * Differs: memberlist believes anybody, so an incarnation only rises.
 */
import { type Address, toAddress } from '../../base/address.ts';
import type { Alive } from '../../wire/memberlist.ts';
import { ASK_INTERVAL, isAtAddress, type SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { isPlausibleIncarnation, LEAD, MAX_OWN_INCARNATION } from '../precedence.ts';
import type { Member } from '../types.ts';
import type { MessageSource } from './source.ts';

/** Does the member say so itself? A datagram can have any source, so it does not count. */
export const isFirstHand = ({ addr, port }: Pick<Alive, 'addr' | 'port'>, source: MessageSource): boolean =>
  source.kind === 'outbound' && isSame(source.from, toAddress(addr, port));

const isSame = (a: Address, b: Address): boolean => a.host === b.host && a.port === b.port;

/** May this be the incarnation of the member? `isOwn`: it says so itself. */
export const isPlausible = (
  context: SwimContext,
  row: MutableMember | undefined,
  incarnation: number,
  isOwn = false,
): boolean =>
  isOwn ? incarnation <= MAX_OWN_INCARNATION : isPlausibleIncarnation(incarnation, row?.word, context.now);

/** Others have led us so far above what the member says of itself that it may never follow. */
export const isFarBelow = (incarnation: number, row: MutableMember): boolean =>
  incarnation + LEAD < row.incarnation;

/**
 * Asks a member for its own word, by a push/pull. A question for each name now and then, and a few in all; a member that
 * is to be asked more often is asked later, since what it said may have been the last message about it.
 */
export function askForWord(context: SwimContext, peer: Member): void {
  const { askLimiter, askRate, now } = context;
  const { name } = peer.identity;
  if (peer === context.self || context.self.state === 'left') return;
  if (askLimiter.tryAcquire(name, now) && askRate.tryAcquire('', now))
    context.out.push({ kind: 'pushPull', peer });
  else if (context.members.get(name) === peer && !context.unasked.has(name))
    context.unasked.set(name, now + ASK_INTERVAL);
}

/** Asks the members whose question had to wait. */
export function askUnasked(context: SwimContext): void {
  const { unasked, members, now } = context;
  for (let name = unasked.pop(now); name !== undefined; name = unasked.pop(now)) {
    const row = members.get(name);
    if (row !== undefined) askForWord(context, row);
  }
}

/** Somebody says of an unknown member what only it could say. */
export function askUnknown(context: SwimContext, { node: name, addr, port, meta, vsn }: Alive): void {
  const address = toAddress(addr, port);
  if (!context.dialBackLimiter.tryAcquire(address.host, context.now)) return;
  const identity = { name, address, meta, vsn };
  askForWord(context, { identity, state: 'dead', incarnation: 0, since: context.now });
}

/** The member, or who introduced it, has said this of its incarnation. */
export function recordWord(context: SwimContext, row: MutableMember, incarnation: number): void {
  row.word = context.wordOf(incarnation);
  context.unasked.clear(row.identity.name);
}

/** The member has spoken for itself: true if what is held was corrected by that, to be applied as news. */
export function hearWord(context: SwimContext, row: MutableMember, alive: Alive): boolean {
  const { incarnation, node, addr, port } = alive;
  recordWord(context, row, incarnation);
  if (!isFarBelow(incarnation, row) || !isAtAddress(row.identity, addr, port)) return false;
  context.recordFact({ kind: 'incarnationCorrected', node, incarnation, held: row.incarnation });
  return true;
}
