/** Evidence: the facts that bear on the status of members, as they are kept, reported by witnesses and diagnosed. */
import type { Millis } from '../../base/time.ts';
import type { QueryId } from '../../serf/types.ts';
import type { Fact } from './facts.ts';
import type { MemberStatus } from './member-status.ts';

/**
 * The retention class of each kind, a bounded list of its own. `relevant` facts changed how a member is seen, or would
 * have. `noise` can be caused by any stranger in any number, and must evict nothing but its like. `boot`, `stall` and
 * `health` say how this agent itself was at that time.
 */
export const RETENTION_CLASSES = {
  connectionClosed: 'relevant',
  probeFailed: 'relevant',
  probeSavedByTcp: 'relevant',
  linkOneWay: 'relevant',
  linkRestored: 'relevant',
  longDatagramsLost: 'relevant',
  longDatagramsPass: 'relevant',
  memberSuspected: 'relevant',
  suspicionConfirmed: 'relevant',
  suspicionCleared: 'relevant',
  suspicionRefuted: 'relevant',
  memberPaused: 'relevant',
  pauseEnded: 'relevant',
  memberDeclaredDead: 'relevant',
  memberReturned: 'relevant',
  memberLeaving: 'relevant',
  memberLeft: 'relevant',
  memberFailed: 'relevant',
  memberDropped: 'relevant',
  memberDiscovered: 'relevant',
  memberReaped: 'relevant',
  nameReclaimed: 'relevant',
  nameConflictLost: 'relevant',
  unrefutableAccusation: 'relevant',
  unrefutableAccusationEnded: 'relevant',
  nameConflict: 'noise',
  nameConflictVote: 'noise',
  memberUnverified: 'noise',
  accusationRateLimited: 'noise',
  gossipMessageRefused: 'noise',
  intentRefused: 'noise',
  leaveIntentRefuted: 'noise',
  agentStarted: 'boot',
  stalled: 'stall',
  awarenessChanged: 'health',
} as const satisfies Readonly<Partial<Record<Fact['kind'], string>>>;

export type EvidenceKind = keyof typeof RETENTION_CLASSES;
export type EvidenceFact = Extract<Fact, { kind: EvidenceKind }>;

/** One fact, or equal ones in a row. Never changed. */
export interface EvidenceEntry {
  /** When it happened first, on this agent's monotonic clock. */
  readonly at: Millis;
  readonly lastAt: Millis;
  /** How often it happened; `fact` is the first of them. */
  readonly count: number;
  readonly fact: EvidenceFact;
}

/** All that is kept about one name. */
export interface NodeEvidence {
  readonly node: string;
  /** Oldest first, with this agent's own starts, stalls and health at that time. */
  readonly entries: readonly EvidenceEntry[];
  /** Older entries that were evicted. */
  readonly dropped: number;
  /** False: there may have been more. */
  readonly isComplete: boolean;
}

/** An entry and the agent it comes from, this one or a witness; its times are on our clock. */
export interface AttributedEntry extends EvidenceEntry {
  readonly by: string;
}

/** The witness reports of one query, as far as they have come. */
export interface Investigation {
  readonly id: QueryId;
  readonly node: string;
  readonly finished: boolean;
  /** Agents whose report could be read, by name; most have seen nothing of the node. */
  readonly answered: readonly string[];
  /** Agents whose report could not be read, by name. */
  readonly unreadable: readonly string[];
  /** The entries of all reports, in no order. */
  readonly entries: readonly AttributedEntry[];
}

/** A diagnosis as one word. */
export type Finding =
  | 'clean'
  | 'suspected'
  | 'failed'
  | 'refuted'
  | 'returned'
  | 'away'
  | 'leaving'
  | 'left'
  | 'forgotten'
  | 'nameConflict'
  | 'linkOneWay'
  | 'streamsOnly'
  | 'longDatagramsLost'
  | 'accusationsRateLimited'
  | 'memberUnverified';

/**
 * What the last accusation came from, as one word. Of the member: `refused` (its host answers, and no process listens
 * there), `silent` (nothing answers: its host is down, or the way to it is cut), `hung` (its host accepts connections,
 * and its process does not answer), `closed` (something else answers there), `moved` (it lives at another address),
 * `restarted` (it is another process now), `stalled` (it ran, and was late itself). Not of the member: `network` (packets
 * were lost), `accuser` (the accuser was late, unhealthy or cut off), `forged` (nobody probed it).
 */
export type Cause =
  | 'refused'
  | 'silent'
  | 'hung'
  | 'closed'
  | 'moved'
  | 'restarted'
  | 'stalled'
  | 'network'
  | 'accuser'
  | 'forged';

export interface Diagnosis {
  readonly finding: Finding;
  /** Without a full stop. */
  readonly sentence: string;
  /** Whether the last accusation is likely true: had the member really gone? `undefined`: there was none. */
  readonly accusation: 'true' | 'false' | 'unclear' | undefined;
  /** `undefined`: there was no accusation, or nothing is known of its cause. */
  readonly cause: Cause | undefined;
}

/** All evidence about one node, and the diagnosis on it. */
export interface NodeReport extends Diagnosis {
  readonly node: string;
  /** As readers see it; `undefined`: it is no member. */
  readonly status: MemberStatus | undefined;
  /** Older entries of ours that were evicted. */
  readonly dropped: number;
  /** Oldest first, each with a clause that describes it. */
  readonly entries: readonly (AttributedEntry & { readonly message: string })[];
}
