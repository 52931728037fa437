/** Facts: everything worth a log line, a counter or a test, as data. Each layer declares its own kinds. */
import type { WireErrorCode } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckFact } from '../../checks/types.ts';
import type { JobFact } from '../../jobs/types.ts';
import type { PartitionFact } from '../../partitions/types.ts';
import type { SerfFact } from '../../serf/types.ts';
import type { SwimFact } from '../../swim/types.ts';

/** Facts of membership: what happened in SWIM and in Serf. */
export type ProtocolFact = SwimFact | SerfFact;

/** Something that happened in the agent. Logs, metrics, traces, evidence and tests all read this one stream. */
export type Fact = ProtocolFact | CheckFact | JobFact | PartitionFact | AgentFact;

export type AgentFact = Readonly<
  | { kind: 'agentStarted'; node: string; address: string; encrypted: boolean }
  /** Patience is over: readers are told what is known, though no member has told its catalog since the start. */
  | { kind: 'firstSyncMissed' }
  | { kind: 'packetRejected'; from: string; code: WireErrorCode; detail: string }
  /** A datagram asked for more packets, or longer ones, than its sender may draw (S31). */
  | { kind: 'repliesWithheld'; from: string; count: number }
  | { kind: 'streamRejected'; from: string; code: WireErrorCode; detail: string }
  | { kind: 'streamRefused'; from: string; reason: string } // too many streams, or too many push/pulls of one peer
  | { kind: 'pushPullFinished'; peer: string; join: boolean; nodes: number }
  /** A catalog peer holds the same: no push/pull was needed. */
  | { kind: 'pushPullSpared'; peer: string }
  | { kind: 'pushPullFailed'; peer: string; join: boolean; reason: string }
  /** Datagrams of `bytes` and more do not reach the member; those to it have `limit` at most from now on. */
  | { kind: 'longDatagramsLost'; node: string; bytes: number; limit: number }
  | { kind: 'longDatagramsPass'; node: string }
  | { kind: 'memberJoined'; node: string; address: string }
  | { kind: 'memberUpdated'; node: string }
  | { kind: 'memberLeaving'; node: string }
  | { kind: 'memberLeft'; node: string }
  | { kind: 'memberFailed'; node: string }
  /** It had failed before this agent could see it; a peer has told us. */
  | { kind: 'failedMemberLearned'; node: string; address: string }
  | { kind: 'userEventReceived'; name: string; ltime: number; bytes: number }
  | { kind: 'nameConflictLost'; node: string; other: string }
  /** The kind of the partition summary has changed; `side` and `network` are empty where they do not apply. */
  | {
      kind: 'membersMissing';
      cause: 'deaths' | 'partition';
      known: number;
      visible: number;
      side: string;
      network: string;
      summary: string;
    }
  /** No member is missing any more. */
  | { kind: 'allMembersVisible'; known: number }
  | { kind: 'pauseStarted'; durationMs: Millis }
  /** Of `peers` that had to be told, `told` have acknowledged. */
  | { kind: 'pauseAnnounced'; peers: number; told: number }
  | { kind: 'leaveStarted' }
  | { kind: 'leaveFinished'; propagated: boolean }
>;
