/** Interface of a law: it observes what hosts do and show, and reports violations. */

import type { Command } from '../../agent/contract/commands.ts';
import type { Fact } from '../../agent/contract/facts.ts';
import type { MemberView } from '../../agent/contract/view.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';

/** What laws may use. */
export interface LawContext {
  readonly world: World;
  /** Reports a violation; `what` begins with the law's id. */
  readonly reportViolation: (what: string) => void;
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
