/** Serf's part of a push/pull: composed from our table, and read as the intents another table implies. */

import { decodeSerfState, JoinIntent, LeaveIntent, SerfState } from '../wire/serf.ts';
import type { UserEventBuffer } from './events.ts';
import type { Intent } from './membership/intents.ts';
import type { Statuses } from './membership/status.ts';

/**
 * Type octet and body.
 *
 * Source: serf delegate.go, LocalState. Differs: a member that is leaving is not named. Its status time is that of
 * its leave, and whoever merged it as a join of that time would take the leave itself for old news. And who left and
 * has announced its return is no longer listed as left: others would take the time of its return for that of a leave.
 */
export function encodeLocalState(
  statuses: Statuses,
  clocks: { readonly member: number; readonly query: number },
  events: UserEventBuffer,
  summary: Uint8Array,
): Uint8Array {
  const statusLTimes = new Map<string, number>();
  for (const { name, status, statusLTime } of statuses.all())
    if (status !== 'leaving') statusLTimes.set(name, statusLTime);
  return SerfState.encode({
    ltime: clocks.member,
    statusLTimes,
    leftMembers: leftForGood(statuses),
    eventLTime: events.clock.time,
    events: events.buckets(),
    queryLTime: clocks.query,
    summary,
  });
}

function leftForGood(statuses: Statuses): string[] {
  const names: string[] = [];
  for (const name of statuses.left) {
    const held = statuses.get(name);
    if (held !== undefined && statuses.hasAnnouncedLeave(held)) names.push(name);
  }
  return names;
}

/** `undefined` if there is none. Views on `octets`. Throws `WireError`. */
export const readState = (octets: Uint8Array): SerfState | undefined =>
  octets.length === 0 ? undefined : decodeSerfState(octets);

/**
 * Leave intents first, then join intents.
 *
 * Source: serf delegate.go, MergeRemoteState. Differs: a leave has their status time as it is, not one more, or a
 * return of that time would be taken back. And a member that is alive here gets a join just before their status
 * time: real agents name leaving members too, so it may be that of a leave that is still on its way to us.
 */
export function* impliedIntents(state: SerfState, statuses: Statuses): Generator<Intent> {
  const left = new Set(state.leftMembers);
  for (const node of left) yield LeaveIntent.create({ node, ltime: state.statusLTimes.get(node) ?? 0 });
  for (const [node, theirs] of state.statusLTimes) {
    if (left.has(node)) continue;
    const ltime = statuses.get(node)?.status === 'alive' ? Math.max(0, theirs - 1) : theirs;
    yield JoinIntent.create({ node, ltime });
  }
}
