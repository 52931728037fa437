/** Serf's member events as facts and as events for handlers, and coordinates from acks. */
import { WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { Serf } from '../../serf/serf.ts';
import type { HandlerEvent, MemberChange, SerfEvent } from '../../serf/types.ts';
import type { Member } from '../../swim/types.ts';
import type { AgentFact } from '../contract/facts.ts';

/** `undefined`: serf/ reports the fact itself. */
export function toMemberFact({ kind, member: { name: node, member } }: SerfEvent): AgentFact | undefined {
  switch (kind) {
    case 'joined':
      return { kind: 'memberJoined', node, address: member.identity.address.key };
    case 'updated':
      return { kind: 'memberUpdated', node };
    case 'leaving':
      return { kind: 'memberLeaving', node };
    case 'left':
      return { kind: 'memberLeft', node };
    case 'failed':
      return { kind: 'memberFailed', node };
    case 'failedBefore':
      return { kind: 'failedMemberLearned', node, address: member.identity.address.key };
    case 'reaped':
      return undefined;
  }
}

/** The event that handlers on this host get; `undefined`: none. */
export function toHandlerEvent({ kind, member }: SerfEvent): HandlerEvent | undefined {
  const change = CHANGES[kind];
  return change === undefined ? undefined : { kind: 'members', change, members: [member] };
}

const CHANGES: Readonly<Record<SerfEvent['kind'], MemberChange | undefined>> = {
  joined: 'join',
  updated: 'update',
  leaving: undefined, // the member is still there
  left: 'leave',
  failed: 'failed',
  failedBefore: undefined, // nothing has happened now
  reaped: 'reap',
};

/** Applies the coordinate of a direct ack. Returns a fact if it is malformed. */
export function updateCoordinate(
  serf: Serf,
  { identity }: Member,
  roundTrip: Millis,
  payload: Uint8Array,
): AgentFact | undefined {
  try {
    serf.coordinates.updateFromAck(identity.name, roundTrip, payload);
    return undefined;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const { code, message: detail } = error;
    return { kind: 'packetRejected', from: identity.address.key, code, detail };
  }
}
