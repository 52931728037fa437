/** Serf's part of a push/pull: encoded from our tables, and merged into them. */
import { NO_BYTES } from '../base/bytes.ts';
import type { InTurns, Millis, Turn } from '../base/time.ts';
import { decodeSerfState, JoinIntent, LeaveIntent, SerfState } from '../wire/serf.ts';
import type { Clocks } from './clocks.ts';
import type { UserEventBuffer } from './events.ts';
import { acceptTime, type RecordRefusal, recordOncePerClock } from './lamport.ts';
import type { Intent } from './membership/intents.ts';
import type { Membership } from './membership/membership.ts';
import type { Statuses } from './membership/status.ts';
import type { SerfEffect } from './types.ts';

/** The parts of Serf that a push/pull exchanges. */
export interface ExchangedParts {
  readonly membership: Membership;
  readonly events: UserEventBuffer;
  readonly clocks: Clocks;
}

interface StateOptions {
  /** The catalog summary, opaque here. */
  readonly summary?: Uint8Array;
  /** The buckets that the push/pull is about, opaque here, too; empty: all. */
  readonly buckets?: Uint8Array;
  /** Whether the peer is told of this member; absent: of all. */
  readonly isTold?: (node: string) => boolean;
}

/**
 * Type octet and body.
 *
 * Source: serf delegate.go, LocalState. Differs: a leaving member is left out. Its status time is that of its leave, and a
 * peer that merged it as a join of that time would ignore the leave itself. And a member that left and has announced its
 * return is no longer listed as left: peers would take the time of its return for that of a leave.
 */
export function encodeLocalState(
  { membership, events, clocks }: ExchangedParts,
  { summary = NO_BYTES, buckets = NO_BYTES, isTold = () => true }: StateOptions,
): Uint8Array {
  const { statuses, clock } = membership;
  const statusLTimes = new Map<string, number>();
  for (const { name, status, statusLTime } of statuses.all())
    if (status !== 'leaving' && isTold(name)) statusLTimes.set(name, statusLTime);
  return SerfState.encode({
    ltime: clock.time,
    statusLTimes,
    leftMembers: membersLeft(statuses).filter(isTold),
    eventLTime: events.clock.time,
    events: events.buckets(),
    queryLTime: clocks.times.query,
    summary,
    buckets,
  });
}

function membersLeft(statuses: Statuses): string[] {
  const names: string[] = [];
  for (const name of statuses.left) {
    const held = statuses.get(name);
    if (held !== undefined && statuses.hasAnnouncedLeave(held)) names.push(name);
  }
  return names;
}

/** `undefined` if it is empty. Holds views on `octets`. Throws `WireError`. */
export const readState = (octets: Uint8Array): SerfState | undefined =>
  octets.length === 0 ? undefined : decodeSerfState(octets);

/** Work in units of a `Turn`. */
const UNITS_PER_INTENT = 8;
const UNITS_PER_EVENT = 8;

/**
 * Merges a peer's state in turns, after swim has merged its members. `join`: we dialed in order to join, so earlier events are
 * ignored. `host`: that of the peer, if we dialed.
 *
 * Source: serf delegate.go, MergeRemoteState.
 */
export function* mergeState(
  state: SerfState,
  parts: ExchangedParts & { readonly host: string | undefined },
  join: boolean,
  turn: Turn,
  out: SerfEffect[],
): InTurns<void> {
  const { membership, events, clocks, host } = parts;
  const record = recordOncePerClock(out);
  const { ltime, eventLTime, queryLTime } = state;
  if (host !== undefined)
    clocks.onAnswer(host, { member: ltime, event: eventLTime, query: queryLTime }, turn.now, out);
  witnessClocks(state, parts, turn.now, record);
  for (const intent of impliedIntents(state, membership.statuses)) {
    if (acceptTime('member', membership.clock, intent.ltime, turn.now, record))
      membership.handleImpliedIntent(intent, turn.now, out);
    if (turn.spend(UNITS_PER_INTENT)) yield;
  }
  if (join && events.clock.isPlausible(state.eventLTime, turn.now)) events.ignoreBefore(state.eventLTime);
  for (const bucket of state.events) {
    if (bucket === undefined || !acceptTime('event', events.clock, bucket.ltime, turn.now, record)) continue;
    for (const { name, payload } of bucket.events) {
      events.handleUserEvent({ ltime: bucket.ltime, name, payload, coalesce: false }, out);
      if (turn.spend(UNITS_PER_EVENT)) yield;
    }
  }
}

/** The clocks in a state are the next times, which nobody has given yet. */
function witnessClocks(state: SerfState, parts: ExchangedParts, now: Millis, record: RecordRefusal): void {
  const clocks = [
    ['member', parts.membership.clock, state.ltime],
    ['event', parts.events.clock, state.eventLTime],
    ['query', parts.clocks.query, state.queryLTime],
  ] as const;
  for (const [name, clock, next] of clocks)
    if (next > 0 && acceptTime(name, clock, next - 1, now, record)) clock.witness(next - 1);
}

/**
 * The intents that a state implies: leave intents first, then join intents.
 *
 * Source: serf delegate.go, MergeRemoteState. Differs: a leave has the peer's status time as it is, not one more, or it
 * would undo a return of that time. And a member that is alive here gets a join just before the peer's status time: Serf
 * agents include leaving members, so it may be the time of a leave that has not arrived here yet.
 */
function* impliedIntents(state: SerfState, statuses: Statuses): Generator<Intent> {
  const left = new Set(state.leftMembers);
  for (const node of left) yield LeaveIntent.create({ node, ltime: state.statusLTimes.get(node) ?? 0 });
  for (const [node, theirs] of state.statusLTimes) {
    if (left.has(node)) continue;
    const ltime = statuses.get(node)?.status === 'alive' ? Math.max(0, theirs - 1) : theirs;
    yield JoinIntent.create({ node, ltime });
  }
}
