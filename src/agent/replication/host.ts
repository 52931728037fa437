/** What replication asks of the agent, and the purpose of each request of its. */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { Progress } from '../../catalog/types.ts';
import type { Member } from '../../swim/types.ts';

export interface ReplicationHost {
  /**
   * Sends a user message over a stream. With a ticket its response goes to `receiveResponse`, its failure to
   * `onRequestFailed`.
   */
  dial(to: Address, body: Uint8Array, ticket: PullTicket | undefined, now: Millis): void;
  /** Sends a user message in a datagram of its own. */
  send(to: Address, body: Uint8Array): void;
  /** Sends one packet of broadcasts. */
  gossip(peer: Member): void;
}

/** The purpose of a request. */
export interface PullTicket {
  /** The owners whose ledgers are requested; empty for a sync of the whole catalog. */
  readonly owners: readonly string[];
  /** Those of them whose progress is to be announced afterwards. */
  readonly announceOwners: ReadonlySet<string>;
  /** By owner that is asked itself: the farthest that was told of it, of which its answer decides. */
  readonly told?: ReadonlyMap<string, Progress>;
}
