/** Sync statuses: which agents of the cluster serve what one of them has published, and which do not yet. */
import type { Millis } from '../../base/time.ts';

export type SyncSubject = Readonly<
  /** All that a node has published, or that was registered for an external node. */
  | { kind: 'node'; node: string }
  /** The instances of a service and their checks, on whatever nodes. */
  | { kind: 'service'; service: string }
  /** An instance of this agent, also after it was removed. */
  | { kind: 'instance'; id: string }
>;

/** The progress of one question to the agents of the cluster. A new object whenever it is read. */
export interface SyncStatus {
  readonly id: number;
  /** Its time is over, or all agents serve it: nobody is asked any more. */
  readonly finished: boolean;
  /** Every agent that counts serves it, and all readers that were waiting there have been sent it. */
  readonly done: boolean;
  /** Agents that serve it, this one included. */
  readonly known: readonly string[];
  readonly missing: readonly MissingCopy[];
  /** Members that do not count: their answers are nobody's, or they have none. */
  readonly apart: readonly ApartMember[];
  /** `29 of 30 know; edge-7 has not spoken for 41 s`. */
  readonly sentence: string;
}

/** An agent of which it is not known that it serves the record. */
export interface MissingCopy {
  readonly node: string;
  /**
   * `silent`: it does not answer. `behind`: it serves something older. `readers`: readers that were waiting there have not been
   * sent it. `away`: it has stopped, and said that it will be back. `unable`: it hears the question, and does not know it.
   */
  readonly reason: 'silent' | 'behind' | 'readers' | 'away' | 'unable';
  /** For how long, as far as this agent knows: since it last spoke, or since the record changed. */
  readonly forMs: Millis;
  readonly message: string;
}

export interface ApartMember {
  readonly node: string;
  /** `serf`: an agent of Serf, which has no catalog. `failed`: it failed more than a minute before the question. */
  readonly reason: 'serf' | 'leaving' | 'failed';
  readonly message: string;
}
