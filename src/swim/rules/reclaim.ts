/**
 * The end of a row: members that are down for long, or that somebody asked to forget.
 *
 * Source: memberlist state.go, resetNodes.
 */
import type { Millis } from '../../base/time.ts';
import { emit, recordFact, type SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { isUp } from '../precedence.ts';
import type { SwimEffect } from '../types.ts';

/** Drops whoever is down for longer than dead members get gossip, and shuffles the ring. */
export function dropExpiredMembers(core: SwimContext, now: Millis, out: SwimEffect[]): void {
  for (const row of core.members.removeExpired(now - core.config.gossipToTheDeadTime))
    onDropped(core, row, now, out);
}

/** Drops one member that is down; the others, and we, stay. */
export function dropMember(core: SwimContext, name: string, now: Millis, out: SwimEffect[]): void {
  const row = core.members.get(name);
  if (row === undefined || row === core.self || isUp(row.state)) return;
  core.members.remove(row);
  onDropped(core, row, now, out);
}

function onDropped(core: SwimContext, row: MutableMember, now: Millis, out: SwimEffect[]): void {
  core.recentlyDropped.add(row, now);
  recordFact(out, { kind: 'memberDropped', node: row.identity.name });
  emit(out, { kind: 'memberDropped', member: row });
}
