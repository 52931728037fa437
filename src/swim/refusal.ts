/**
 * Refused suspects: members under suspicion of which an accuser says that its connection to them closed, and their host
 * refused others. Readers are not given their services meanwhile. A suspect that anything is heard of is refused no more.
 */
import type { Suspect } from '../wire/memberlist.ts';
import type { SwimContext } from './context.ts';
import type { MutableMember } from './members.ts';

/** Accusers that are noted; more say nothing new. */
const MAX_REFUSED = 4;

/** Notes that an accuser of a suspect was refused. True: that is news, to be passed on. */
export function noteRefusal(context: SwimContext, row: MutableMember, { from, refused }: Suspect): boolean {
  const suspicion = context.suspicions.get(row);
  if (refused !== true || suspicion === undefined) return false;
  const { refusedBy } = suspicion;
  if (refusedBy.includes(from) || refusedBy.length >= MAX_REFUSED) return false;
  refusedBy.push(from);
  if (row.refused !== true) {
    row.refused = true;
    context.out.push({ kind: 'reachability', member: row });
  }
  const closed = context.closedConnections.get(row);
  // Another watcher has found the same: the verdict may be due.
  if (closed !== undefined && isGraceOver(context, closed.silentSince) && closed.refusals > 1)
    context.closedConnections.schedule(closed, context.now);
  return true;
}

/** The suspicion is over, or its member was heard of. */
export function clearRefusal(context: SwimContext, row: MutableMember): void {
  if (row.refused !== true) return;
  row.refused = undefined;
  context.suspicions.get(row)?.refusedBy.splice(0);
  context.out.push({ kind: 'reachability', member: row });
}

export const isGraceOver = ({ config, now }: SwimContext, silentSince: number): boolean =>
  now >= silentSince + config.closeGrace;
