/** What is said of members: Serf's events as facts, and what their acks teach us. */
import { WireError } from '../base/errors.ts';
import type { Millis } from '../base/time.ts';
import type { Serf } from '../serf/serf.ts';
import type { SerfEvent } from '../serf/types.ts';
import type { Member } from '../swim/types.ts';
import type { AgentFact } from './types.ts';

/** `undefined`: serf/ has told it itself. */
export function factOf({ kind, member: { name: node, member } }: SerfEvent): AgentFact | undefined {
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
    case 'reaped':
      return undefined;
  }
}

/** A direct ack came. The fact that it says something nobody can believe, if it does. */
export function learnDistance(
  serf: Serf,
  { identity }: Member,
  roundTrip: Millis,
  payload: Uint8Array,
): AgentFact | undefined {
  try {
    serf.coordinates.learn(identity.name, roundTrip, payload);
    return undefined;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const { code, message: detail } = error;
    return { kind: 'packetRejected', from: identity.address.key, code, detail };
  }
}
