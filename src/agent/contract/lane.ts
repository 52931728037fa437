/** A lane: one kind of gossip, with a queue of its own, from which packets are filled. */
import type { BroadcastQueue } from '../../swim/broadcasts.ts';
import type { Member } from '../../swim/types.ts';

/** Things to say to others. Lanes fill the room left in a packet, in order. */
export interface Lane {
  readonly name: 'membership' | 'intents' | 'queries' | 'events' | 'urgent' | 'catalog';
  readonly queue: BroadcastQueue;
  /** How often one message of this lane is sent before it is dropped. */
  readonly limit: () => number;
  /** Serf's messages travel behind memberlist's type octet for user messages. */
  readonly user: boolean;
  /** Who may hear it; absent: everybody. */
  canReceive?(peer: Member): boolean;
}
