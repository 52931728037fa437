/** Interface of a law: it observes what hosts do and show, counts what it judges, and reports violations. */

import type { Command } from '../../agent/contract/commands.ts';
import type { Fact } from '../../agent/contract/facts.ts';
import type { MemberView } from '../../agent/contract/view.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';

/** Laws of every world; parts of a law that seldom judge are counted by themselves. Ids as in docs/reliability.md. */
export const MEMBERSHIP_LAWS = [
  ...(['I1', 'I2', 'I2 of a dropped row', 'I3', 'I4', 'I5', 'I6', 'I10', 'I11', 'I12', 'I13'] as const),
  ...(['I17', 'I18', 'I19', 'I20', 'I21', 'I23', 'I24', 'I28', 'I31', 'I32'] as const),
] as const;
/** Laws of worlds with a catalog. */
export const CATALOG_LAWS = [
  ...(['I7', 'I8', 'I8 of a swept tombstone', 'I9', 'I9 of a node that is down'] as const),
  ...(['I11 of rumors'] as const),
  ...(['I14', 'I25', 'I26', 'I26 of an alias', 'I26 of a deregistration', 'L4', 'P64'] as const),
  ...(['I27', 'I33'] as const),
  ...(['I17 of a torn catalog', 'I17 of a restored catalog', 'I19 after a torn write'] as const),
] as const;
/** Laws of worlds with drains in them (test/swarm/drains.ts). */
export const DRAIN_LAWS = ['I34'] as const;
/** Laws that judge in stories, which leave a host alone; elsewhere never, or by chance. */
export const STORY_LAWS = ['I11 of a lone host'] as const;
/** Laws of worlds with jobs. */
export const JOB_LAWS = ['I40', 'I41'] as const;
/** Laws of worlds with worker pools. */
export const PARTITION_LAWS = ['I42', 'I43', 'I44'] as const;
/** Laws of the quiet period. */
export const QUIET_LAWS = ['L1', 'L2', 'L3', 'L5', 'L6', 'L7', 'L8'] as const;
/** Laws of events, queries and keys. */
export const MESSAGE_LAWS = ['E1', 'E2', 'Q1', 'Q2', 'Q3', 'K1', 'K2', 'K3', 'K4'] as const;

/** Laws of what HTTP and DNS answer; they judge where the real answerers are over the simulated view (test/swarm). */
export const READER_LAWS = ['I15', 'I14 of HTTP'] as const;

export type LawId =
  | (typeof READER_LAWS)[number]
  | (typeof MEMBERSHIP_LAWS)[number]
  | (typeof CATALOG_LAWS)[number]
  | (typeof DRAIN_LAWS)[number]
  | (typeof STORY_LAWS)[number]
  | (typeof JOB_LAWS)[number]
  | (typeof PARTITION_LAWS)[number]
  | (typeof QUIET_LAWS)[number]
  | (typeof MESSAGE_LAWS)[number];

/** How often each law judged: it compared something that a bug could have made wrong. Absent: never. */
export type Judgments = Partial<Record<LawId, number>>;

/** What laws may use. */
export interface LawContext {
  readonly world: World;
  /** Reports a violation; `what` begins with the law's id. */
  readonly reportViolation: (what: string) => void;
  /** Counts that a law judged, whether or not it was violated. */
  readonly judged: (law: LawId, times?: number) => void;
  /**
   * Whether messages are forged in this member's name. What others know of it is then not always its own word, and laws
   * that rely on that do not check it.
   */
  isForged(name: string): boolean;
}

/** A law implements the methods that it needs. */
export interface Law {
  onStart?(host: SimHost): void;
  onCommand?(host: SimHost, command: Command): void;
  /** Called for each fact of an input, in order; `all` are the facts of the same input. */
  onFact?(host: SimHost, fact: Fact, all: readonly Fact[]): void;
  /** Called for each row that an input concerns, and for every row once per second. */
  checkRow?(host: SimHost, member: MemberView): void;
  /** Called after the rows of an input, and once per second. */
  checkHost?(host: SimHost): void;
  /** Called once per second for each host that runs. */
  checkPeriodically?(host: SimHost): void;
}
