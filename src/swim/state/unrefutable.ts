/**
 * When an incarnation that nothing can outbid was put into our mouth, and peers took it: whoever holds it is deaf to us
 * until it has dropped our row. Meanwhile our own row is kept out of full exchanges, so that those who have dropped it
 * do not meet us early and hear the accusation again from those who have not; then we announce ourselves anew.
 *
 * Accusations that can be outbid are refuted all the while, and probes are answered: to peers that refused the top
 * value nothing changes. Source: I3 (docs/reliability.md), P73 (docs/protocol.md); memberlist#358.
 */
import { type Millis, NEVER } from '../../base/time.ts';
import type { SwimConfig } from '../../config/protocol.ts';

export class UnrefutableAccusation {
  #until: Millis = NEVER;

  /** When it ends; `NEVER` outside. */
  get deadline(): Millis {
    return this.#until;
  }

  get isActive(): boolean {
    return this.#until !== NEVER;
  }

  /** Begins one in a table of `n` rows, long enough for a peer to let go of a dead row. `undefined`: it is on already. */
  start(n: number, config: SwimConfig, now: Millis): Millis | undefined {
    if (this.isActive) return undefined;
    // Rows are dropped at the end of a pass of probes, and the last exchange that still tells of it takes its time.
    const pass = n * config.probeInterval;
    this.#until = now + config.gossipToTheDeadTime + pass + config.probeInterval;
    return this.#until;
  }

  /** Is it over now? True once. */
  finishIfDue(now: Millis): boolean {
    if (this.#until > now) return false;
    this.#until = NEVER;
    return true;
  }
}
