/**
 * The machine's mouth and hands: what goes in, what comes out, and what readers see. Shells and worlds, HTTP and
 * DNS know the core only through this file.
 */
import type { Address } from '../../base/address.ts';
import type { AgentError, WireErrorCode } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { CatalogView } from '../../catalog/types.ts';
import type {
  CheckDefinition,
  CheckFact,
  CheckOrder,
  CheckStatus,
  LocalView,
  Outcome,
  Remembered,
  ServiceDefinition,
} from '../../checks/types.ts';
import type { Coordinate } from '../../serf/coordinates.ts';
import type {
  AskedQuestion,
  HeardQuery,
  News,
  Question,
  QuestionId,
  SerfFact,
  SerfMember,
  SerfStatus,
  UserEventHeard,
} from '../../serf/types.ts';
import type { MemberState, SwimFact } from '../../swim/types.ts';
import type { Outlook } from '../readers/partition-summary.ts';
import type { Dossier } from './evidence.ts';

/** All between the sockets and the readers, without either. Fed by a shell or by a world. */
export interface Agent {
  /** Takes one input, appends what should be done. Never awaits, never throws on foreign bytes. */
  handle(input: Input, now: Millis, out: Effect[]): void;
  /** When the agent next wants a `tick`; `NEVER` if never. The shell arms exactly one timer. */
  readonly deadline: Millis;
  readonly view: View;
}

/** Names a stream for its life. The agent draws even numbers for those it opens, the shell odd ones. */
export type StreamId = number;
export type RequestId = number;

export type Input = Readonly<
  | { kind: 'packet'; from: Address; bytes: Uint8Array }
  /** A peer dialed us. */
  | { kind: 'streamAccepted'; stream: StreamId; from: Address }
  /** Our dial succeeded. */
  | { kind: 'streamOpened'; stream: StreamId }
  | { kind: 'streamData'; stream: StreamId; bytes: Uint8Array }
  /** It ended or failed; `why` is absent after an orderly end. Nothing more will come of this stream. */
  | { kind: 'streamClosed'; stream: StreamId; why?: string }
  | { kind: 'tick' }
  | { kind: 'command'; request: RequestId; command: Command }
  /** A check was run. */
  | { kind: 'checked'; outcome: Outcome }
  /** Others reach this host there from now on. */
  | { kind: 'moved'; address: Address }
  /** What became of `keepKeys`; `error` says why it failed. */
  | { kind: 'keysKept'; ticket: number; error?: string }
>;

/** What people and programs ask of the agent. Each gets exactly one `reply`. */
export type Command = Readonly<
  /** Push/pull with each seed. The reply is a report, also if none worked (`joinFailure` makes it an error). */
  | { kind: 'join'; seeds: readonly Seed[] }
  | { kind: 'leave' }
  /** Serf's force-leave: a failed member becomes left, everywhere. `live` refuses one that is alive. */
  | { kind: 'forget'; node: string; prune: boolean; refuseLive: boolean }
  | { kind: 'setTags'; set: ReadonlyMap<string, string>; remove: readonly string[] }
  | {
      kind: 'registerService';
      service: ServiceDefinition;
      checks: readonly CheckDefinition[];
      /** Drop checks of an earlier registration that are not named in this one. */
      replaceChecks: boolean;
      fromFile: boolean;
    }
  | { kind: 'deregisterService'; id: string }
  | { kind: 'registerCheck'; check: CheckDefinition }
  | { kind: 'deregisterCheck'; id: string }
  /** TTL checks only. */
  | { kind: 'updateCheck'; id: string; status: CheckStatus; output: string }
  /** Of one service, or with `service` absent of the node. */
  | { kind: 'maintenance'; service?: string; on: boolean; reason: string }
  /** Takes an instance out of the answers, or back in. */
  | { kind: 'drain'; service: string; on: boolean }
  /** A Serf query. The reply comes at once; what comes of the query is at `View.question`. */
  | { kind: 'query'; question: Question }
  /** Asks other agents for their part of what befell `node`: a query, too. */
  | { kind: 'inquire'; node: string; timeout: Millis }
  /** Answers one of `View.waitingQueries`. */
  | { kind: 'respond'; id: QuestionId; payload: Uint8Array }
  /** The gossip keys of all members. `key` is absent for `list`; `force` passes over what would cut somebody off. */
  | {
      kind: 'keys';
      operation: KeyOperation;
      key: Uint8Array | undefined;
      force: boolean;
      timeout: Millis | undefined;
    }
  /** A Serf user event, to every member. The reply is the event as it was told here. */
  | { kind: 'fireEvent'; name: string; payload: Uint8Array; coalesce: boolean }
>;

/** One seed as a person wrote it, and the addresses its name stands for (empty: it did not resolve). */
export interface Seed {
  readonly text: string;
  readonly addresses: readonly Address[];
  /** Why it did not resolve. */
  readonly error?: string;
}

export interface JoinReport {
  /** How many seeds answered. */
  readonly joined: number;
  readonly failed: readonly { readonly addr: string; readonly error: string }[];
}

export type KeyOperation = 'list' | 'install' | 'use' | 'remove';

/** How far an operation on all keys has come. Keys are named by fingerprint. A new object whenever something came. */
export interface KeyReport {
  readonly id: number;
  readonly operation: KeyOperation;
  readonly finished: boolean;
  /** `look`: members are asked first which keys they have. */
  readonly step: 'look' | 'act';
  /** Members that were alive when they were asked. */
  readonly members: number;
  readonly answered: number;
  /** Who is alive and has not answered. */
  readonly silent: readonly string[];
  /** What those said who did not do it, and those who did with a reservation. */
  readonly errors: ReadonlyMap<string, string>;
  readonly notes: ReadonlyMap<string, string>;
  /** How many members have, and use, each key, as far as they said. */
  readonly keys: ReadonlyMap<string, number>;
  readonly primaries: ReadonlyMap<string, number>;
  /** Why it was left alone. */
  readonly refused: string | undefined;
}

/** What commands give back; those that are not named give nothing. */
export interface Answers {
  readonly join: JoinReport | undefined;
  readonly fireEvent: UserEventHeard;
  readonly query: AskedQuestion;
  readonly inquire: AskedQuestion;
  readonly keys: KeyReport;
}
export type AnswerOf<C extends AskCommand> = C['kind'] extends keyof Answers ? Answers[C['kind']] : undefined;

/** What a command came to. */
export type Result =
  | { readonly ok: true; readonly value?: Answers[keyof Answers] }
  | { readonly ok: false; readonly error: AgentError };

export type Effect = Readonly<
  | { kind: 'sendPacket'; to: Address; packet: Uint8Array }
  | { kind: 'openStream'; stream: StreamId; to: Address }
  /** `end`: nothing more will be written; close when it is out. */
  | { kind: 'writeStream'; stream: StreamId; bytes: Uint8Array; end: boolean }
  /** Drop it now. No `streamClosed` follows. */
  | { kind: 'closeStream'; stream: StreamId }
  | { kind: 'reply'; request: RequestId; result: Result }
  | { kind: 'runCheck'; order: CheckOrder }
  | { kind: 'changed'; topics: readonly Topic[] }
  | { kind: 'remember'; snapshot: Snapshot }
  /** What is known of others' services: `AgentOptions.catalog` of the next life. */
  | { kind: 'rememberCatalog'; bytes: Uint8Array }
  | { kind: 'fact'; fact: Fact }
  /** Keep these gossip keys, primary first, in place of all others; then feed `keysKept`. */
  | { kind: 'keepKeys'; ticket: number; keys: readonly Uint8Array[] }
  /** For programs here that want to be told. */
  | { kind: 'tell'; news: News }
  /** The agent has left and waited long enough: the shell may close sockets. `why`: it did not want to. */
  | { kind: 'stopped'; why?: string }
>;

/**
 * What readers can wait for: `nodes` is any change of membership that Serf and Consul would show, `node:NAME` one
 * member's, `members` also suspicions and their end. `services` is the list of services (not their checks),
 * `service:NAME` (lower case) instances of one, their checks and their nodes' state, `checks` any check,
 * `entries:NODE` all that one node published, `events` user events, `event:NAME` those of one name, `queries` those
 * that wait for an answer here, `question:ID` one of ours, `keys:ID` an operation on the keys of all, `anything`
 * whatever a reader can see.
 */
export type Topic =
  | 'anything'
  | 'nodes'
  | 'members'
  | 'services'
  | 'checks'
  | `node:${string}`
  | `service:${string}`
  | `entries:${string}`
  | 'events'
  | `event:${string}`
  | 'queries'
  | `question:${QuestionId}`
  | `keys:${number}`;

/** What survives a restart, if there is a data directory. Plain data; the shell packs and checks it. */
export interface Snapshot {
  /** Highest incarnation we ever announced. */
  readonly incarnation: number;
  readonly clocks: { readonly member: number; readonly event: number; readonly query: number };
  /** Members that had not left, ourselves not included. */
  readonly peers: readonly Peer[];
  /** What was registered here, and how its checks stood. */
  readonly registered?: Remembered;
  /** Epoch of our ledger: the next one must be above it, whatever the clock says. */
  readonly epoch?: number;
  /** Wall-clock milliseconds when this was composed, for what goes on aging while we are down. */
  readonly at?: number;
}

/** Where a member lived. */
export interface Peer {
  readonly name: string;
  /** `host:port`. */
  readonly addr: string;
  /** It had failed, or was leaving. */
  readonly down?: boolean;
}

/** What happened, as data. Logs, metrics, traces and tests all read this one stream. */
export type Fact = SwimFact | SerfFact | CheckFact | AgentFact;

export type AgentFact = Readonly<
  | { kind: 'agentStarted'; node: string; address: string; encrypted: boolean }
  | { kind: 'packetRejected'; from: string; code: WireErrorCode; detail: string }
  | { kind: 'streamRejected'; from: string; code: WireErrorCode; detail: string }
  | { kind: 'streamRefused'; from: string; why: string } // too many at once
  | { kind: 'syncFinished'; peer: string; join: boolean; nodes: number }
  | { kind: 'syncFailed'; peer: string; join: boolean; why: string }
  | { kind: 'memberJoined'; node: string; address: string }
  | { kind: 'memberUpdated'; node: string }
  | { kind: 'memberLeaving'; node: string }
  | { kind: 'memberLeft'; node: string }
  | { kind: 'memberFailed'; node: string }
  | { kind: 'eventHeard'; name: string; ltime: number; bytes: number }
  | { kind: 'nameLost'; node: string; other: string }
  /** What is missing means something else than it did; `side` and `network` are empty where they say nothing. */
  | {
      kind: 'outlookClouded';
      says: 'deaths' | 'partition';
      known: number;
      visible: number;
      side: string;
      network: string;
      sentence: string;
    }
  /** Nobody is missing any more. */
  | { kind: 'outlookCleared'; known: number }
  | { kind: 'leaveStarted' }
  | { kind: 'leaveFinished'; spread: boolean }
>;

/** A member as readers see it: swim's row and Serf's status in one. */
export interface MemberView {
  readonly name: string;
  readonly address: Address;
  readonly tags: ReadonlyMap<string, string>;
  /** What people see: Serf's status, but `suspect` where swim suspects. */
  readonly status: SerfStatus | 'suspect';
  readonly serf: SerfMember;
  readonly state: MemberState;
  readonly incarnation: number;
  /** When `state` last changed, on this agent's monotonic clock. */
  readonly since: Millis;
  /** Six octets. */
  readonly vsn: Uint8Array;
}

/** A member, or a service by its name in lower case, that differs since `index`. */
export interface Changed {
  readonly kind: 'member' | 'service';
  readonly name: string;
  readonly index: number;
}

/** The reader's side: in memory, never asks the machine, valid until the next `handle`. */
export interface View {
  readonly node: string;
  readonly address: Address;
  self(): MemberView;
  /** Every known member by name, those that left or failed too, until they are reaped. */
  members(): readonly MemberView[];
  /**
   * Names match without regard to case when `exact` finds nothing. Also a node that is only remembered from before a
   * restart, while its services are answered: `members` does not list it, its incarnation is 0.
   */
  member(name: string): MemberView | undefined;
  /** Largest index of these topics: at least 1, grows with every change a reader can see. */
  indexOf(topics: readonly Topic[]): number;
  /**
   * Who changed after `index`, each once, the latest change last. `undefined` if that is not known any more, or the
   * index is none of ours: then read everything.
   */
  changedAfter(index: number): readonly Changed[] | undefined;
  health(): AgentHealth;
  /** Why a member was blamed, or was not; kept longer than the member. Names match exactly. */
  evidence(name: string): Dossier | undefined;
  /** What has become of the members we knew, as of the last input. Counts them all. */
  outlook(): Outlook;
  /** Where a member is in round-trip time: ourselves, and those who answered a probe of ours. Names match exactly. */
  coordinate(name: string): Coordinate | undefined;
  /** User events heard lately, oldest first. */
  events(): readonly UserEventHeard[];
  /** A query of ours, for a minute after it was over. */
  question(id: QuestionId): AskedQuestion | undefined;
  /** An operation on the keys of all members, for a while after it was over. */
  keyReport(id: number): KeyReport | undefined;
  /** Queries of others that wait for an answer of a program here, oldest first. */
  waitingQueries(): readonly HeardQuery[];
  /** Services and checks of all nodes. */
  readonly catalog: CatalogView;
  /** What is registered with this agent. */
  readonly local: LocalView;
}

export interface AgentHealth {
  /** 0 is well; up to awarenessMax - 1. Source: Lifeguard, local health multiplier. */
  readonly awareness: number;
  readonly incarnation: number;
  readonly clocks: { readonly member: number; readonly event: number; readonly query: number };
  readonly encrypted: boolean;
  /** Messages that the key in use has sealed here, since it is in use and this process runs. */
  readonly seals: number;
  readonly leaving: boolean;
  /** Messages waiting in each lane. */
  readonly lanes: Readonly<Record<string, number>>;
}

/** How http/ and dns/ reach the machine; main hands it to them. */
export interface Door {
  readonly view: View;
  /** Runs a command; rejects with `AgentError`. */
  ask<const C extends AskCommand>(command: C): Promise<AnswerOf<C>>;
  /** Resolves when one of the topics changes, or when `signal` aborts. */
  changed(topics: readonly Topic[], signal: AbortSignal): Promise<void>;
}

/** Commands as readers give them: seeds are text, the shell resolves names. */
export type AskCommand =
  | { readonly kind: 'join'; readonly seeds: readonly string[] }
  | Exclude<Command, { kind: 'join' }>;
