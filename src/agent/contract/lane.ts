/** A lane: one kind of broadcasts, with a queue of its own. */
import type { BroadcastQueue } from '../../swim/broadcasts.ts';
import type { Member } from '../../swim/types.ts';

/** Lanes fill the space left in a packet, in order (piggyback). */
export interface Lane {
  readonly name: 'membership' | 'intents' | 'queries' | 'events' | 'urgent' | 'catalog' | 'reminders';
  readonly queue: BroadcastQueue;
  /** The retransmit limit: how often one message is sent before it is dropped. */
  readonly limit: () => number;
  /** The peers that are up and that these messages are for, without this agent. */
  readonly audience: () => number;
  /** Whether messages follow memberlist's type octet for user messages, as all but its own do. */
  readonly user: boolean;
  /** Whether messages go with probes and acks only, and cause no packet of their own. */
  readonly withProbesOnly?: boolean;
  /**
   * For a peer that no long datagram reaches: a short message that makes it fetch what this one says; `undefined`: nothing is left to
   * say. Absent: the message goes by a stream.
   */
  shorten?(message: Uint8Array): Uint8Array | undefined;
  /** Whether a peer understands these messages; absent: all do. */
  canReceive?(peer: Member): boolean;
}
