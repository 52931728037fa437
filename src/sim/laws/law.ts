/** What a law is: somebody who is shown what hosts do and show, and says when that may not be. */

import type { Command } from '../../agent/contract/commands.ts';
import type { Fact } from '../../agent/contract/facts.ts';
import type { MemberView } from '../../agent/contract/view.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';

/** What laws stand on. */
export interface LawContext {
  readonly world: World;
  /** Told of each breach; `what` begins with the law's id. */
  readonly reportViolation: (what: string) => void;
  /**
   * Somebody forges messages in this member's name: what others hold of it need not be its own word. Laws that know
   * a member only by its word then keep silent about it, and no others.
   */
  isForged(name: string): boolean;
}

/** A law takes part in what it needs. */
export interface Law {
  onStart?(host: SimHost): void;
  onCommand?(host: SimHost, command: Command): void;
  /** Each fact of one input, in order; `all` are those of the same input. */
  onFact?(host: SimHost, fact: Fact, all: readonly Fact[]): void;
  /** A row that an input touched, and every row once a second. */
  checkRow?(host: SimHost, member: MemberView): void;
  /** When all rows of an input have been shown, and once a second. */
  checkHost?(host: SimHost): void;
  /** Once a second, for each host that runs. */
  checkPeriodically?(host: SimHost): void;
}
