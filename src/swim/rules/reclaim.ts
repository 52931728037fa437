/**
 * The end of a row: members that are down for long, or that somebody asked to forget.
 *
 * Source: memberlist state.go, resetNodes.
 */
import type { Millis } from '../../base/time.ts';
import { type Core, emit, note } from '../context.ts';
import type { Row } from '../members.ts';
import { isUp } from '../precedence.ts';
import type { SwimEffect } from '../types.ts';

/** Drops whoever is down for longer than dead members get gossip, and shuffles the ring. */
export function dropLongDown(core: Core, now: Millis, out: SwimEffect[]): void {
  for (const row of core.members.sweep(now - core.config.gossipToTheDeadTime)) dropped(core, row, now, out);
}

/** Drops one member that is down; the others, and we, stay. */
export function forget(core: Core, name: string, now: Millis, out: SwimEffect[]): void {
  const row = core.members.get(name);
  if (row === undefined || row === core.self || isUp(row.state)) return;
  core.members.remove(row);
  dropped(core, row, now, out);
}

function dropped(core: Core, row: Row, now: Millis, out: SwimEffect[]): void {
  core.graves.bury(row, now);
  note(out, { kind: 'memberForgotten', node: row.identity.name });
  emit(out, { kind: 'memberDropped', member: row });
}
