/** The words of evidence: facts that bear on why a member is taken for what it is, kept with their time and number. */
import type { Millis } from '../../base/time.ts';
import type { Fact } from './facts.ts';

/**
 * Where each kind is kept. `telling`: what changed how the member is seen, or would have. `noise`: what strangers could
 * cause any number of; it must push out nothing but its like. `birth`, `ours`, `health`: how this agent itself was at that time.
 */
export const RETENTION_CLASSES = {
  probeFailed: 'telling',
  probeSavedByTcp: 'telling',
  linkOneWay: 'telling',
  linkRestored: 'telling',
  memberSuspected: 'telling',
  suspicionConfirmed: 'telling',
  suspicionCleared: 'telling',
  suspicionRefuted: 'telling',
  memberDeclaredDead: 'telling',
  memberReturned: 'telling',
  memberLeaving: 'telling',
  memberLeft: 'telling',
  memberFailed: 'telling',
  memberDropped: 'telling',
  memberReaped: 'telling',
  nameReclaimed: 'telling',
  nameConflictLost: 'telling',
  unrefutableAccusation: 'telling',
  unrefutableAccusationEnded: 'telling',
  nameConflict: 'noise',
  nameConflictVote: 'noise',
  memberUnverified: 'noise',
  accusationRateLimited: 'noise',
  gossipMessageRefused: 'noise',
  intentRefused: 'noise',
  leaveIntentRefuted: 'noise',
  agentStarted: 'birth',
  stalled: 'ours',
  awarenessChanged: 'health',
} as const satisfies Readonly<Partial<Record<Fact['kind'], string>>>;

export type EvidenceKind = keyof typeof RETENTION_CLASSES;
export type EvidenceFact = Extract<Fact, { kind: EvidenceKind }>;

/** One fact, or several in a row that say the same. Never changed. */
export interface EvidenceEntry {
  /** When it was first so, on this agent's clock. */
  readonly at: Millis;
  readonly lastAt: Millis;
  readonly times: number;
  /** The first of them. */
  readonly fact: EvidenceFact;
}

/** All that is kept about one name. */
export interface NodeEvidence {
  readonly node: string;
  /** Oldest first, with how this agent itself was in that time. */
  readonly entries: readonly EvidenceEntry[];
  /** Older ones that had to make room. */
  readonly dropped: number;
}

/** An exhibit, and whose word it is: ours, or that of another agent, its times set to our clock. */
export interface AttributedEntry extends EvidenceEntry {
  readonly by: string;
}
