/**
 * Drops the rows of members that are down: those down for long, and those an operator wants forgotten.
 *
 * Source: memberlist state.go, resetNodes.
 */
import { formatAddress } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import type { SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { isUp } from '../precedence.ts';
import { type MessageSource, sourceField } from './source.ts';

/** Drops members that have been down for longer than dead members receive gossip, and shuffles the probe ring. */
export function dropExpiredMembers(context: SwimContext): void {
  for (const row of context.members.removeExpired(context.now - context.config.gossipToTheDeadTime))
    onDropped(context, row);
}

/** Drops one member if it is down, and never this agent. */
export function dropMember(context: SwimContext, name: string): void {
  const row = context.members.get(name);
  if (row === undefined || row === context.self || isUp(row.state)) return;
  context.members.remove(row);
  onDropped(context, row);
}

/**
 * Makes room in a full table: a member that never answered is dropped, up or not. False: all have answered, and `newcomer` is refused.
 *
 * Differs: memberlist has no bound, so that one message of invented members takes a machine its memory (S1).
 */
export function makeRoom(context: SwimContext, newcomer: string, source: MessageSource): boolean {
  const { members, config, now } = context;
  if (members.size < config.maxMembers) return true;
  const row = members.findUnanswered();
  if (row === undefined) {
    const reason = `${members.size} members are known already, and all have answered: raise --swim-max-members`;
    context.recordFact({ kind: 'gossipMessageRefused', node: newcomer, reason, ...sourceField(source) });
    return false;
  }
  context.suspicions.stop(row);
  members.setState(row, 'dead', now);
  members.remove(row);
  onDropped(context, row, true);
  return true;
}

function onDropped(context: SwimContext, row: MutableMember, displaced = false): void {
  // Invariant: a suspicion has a row.
  assert(context.suspicions.get(row) === undefined, 'a dropped member is under suspicion');
  context.recentlyDropped.add(row, context.now);
  const { name: node, address } = row.identity;
  context.recordFact({ kind: 'memberDropped', node, address: formatAddress(address) });
  context.emit({ kind: 'memberDropped', member: row, ...(displaced ? { displaced } : {}) });
}
