/**
 * An accusation of this agent at an incarnation that nothing can exceed, and that peers accepted: they ignore this agent
 * until they have dropped its row. Meanwhile its row is left out of push/pulls, so that peers which have dropped it do
 * not learn of it again and receive the accusation from those which have not. After that the agent announces itself anew.
 *
 * Other accusations are refuted and probes are acked all the while: for peers that refused the highest incarnation nothing
 * changes. Source: I3 (docs/reliability.md), P73 (docs/protocol.md); memberlist#358.
 */
import { type Millis, NEVER } from '../../base/time.ts';
import type { SwimConfig } from '../../config/protocol.ts';

export class UnrefutableAccusation {
  #until: Millis = NEVER;

  /** When this quiet period ends; `NEVER` if there is none. */
  get deadline(): Millis {
    return this.#until;
  }

  get isActive(): boolean {
    return this.#until !== NEVER;
  }

  /** Starts a quiet period in a table of `n` rows and returns its end; `undefined` if there is one already. */
  start(n: number, config: SwimConfig, now: Millis): Millis | undefined {
    if (this.isActive) return undefined;
    // Peers drop rows at the end of a probe pass, and a last push/pull with the accusation may still be running.
    const pass = n * config.probeInterval;
    this.#until = now + config.gossipToTheDeadTime + pass + config.probeInterval;
    return this.#until;
  }

  /** True once, when the quiet period is over. */
  finishIfDue(now: Millis): boolean {
    if (this.#until > now) return false;
    this.#until = NEVER;
    return true;
  }
}
