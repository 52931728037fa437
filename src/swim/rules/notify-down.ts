/**
 * Notifies a member that is held as suspect, dead or left of the accusation it must outbid, when a stale message about
 * it, or a ping of its own, shows that it may not know.
 *
 * Differs: memberlist stays silent, and a member that restarted with a lower incarnation may never learn why it is held
 * as down (memberlist#311).
 */
import type { Address } from '../../base/address.ts';
import type { Dead, Suspect } from '../../wire/memberlist.ts';
import type { SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';

/** Sends the accusation of `row` to `to`, at most once per member and gossip interval. */
export function notifyDown(context: SwimContext, row: MutableMember, to: Address): void {
  if (context.downNotificationLimiter.tryAcquire(row.identity.name, context.now))
    context.send(to, undefined, toAccusation(row, context.name));
}

/** The accusation for a member whose row was dropped, as often; `undefined` if there is no such member. */
export function droppedNotification(context: SwimContext, node: string): Dead | undefined {
  const incarnation = context.recentlyDropped.incarnationOf(node, context.now);
  if (incarnation === undefined || !context.downNotificationLimiter.tryAcquire(node, context.now))
    return undefined;
  return { kind: 'dead', incarnation, node, from: context.name };
}

/**
 * The accusation that supersedes a member's own claim to be alive. For a member that left this is its leave message
 * again; one that is alive is only suspected.
 */
export function toAccusation(row: MutableMember, accuser: string): Suspect | Dead {
  const node = row.identity.name;
  const incarnation = Math.max(row.incarnation, row.absence?.incarnation ?? 0);
  if (row.state === 'suspect' || row.state === 'alive')
    return { kind: 'suspect', incarnation, node, from: accuser };
  return { kind: 'dead', incarnation, node, from: row.state === 'left' ? node : accuser };
}
