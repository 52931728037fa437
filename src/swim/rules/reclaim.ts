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

function onDropped(context: SwimContext, row: MutableMember): void {
  // Invariant: a suspicion has a row.
  assert(context.suspicions.get(row) === undefined, 'a dropped member is under suspicion');
  context.recentlyDropped.add(row, context.now);
  const { name: node, address } = row.identity;
  context.recordFact({ kind: 'memberDropped', node, address: formatAddress(address) });
  context.emit({ kind: 'memberDropped', member: row });
}
