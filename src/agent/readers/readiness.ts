/**
 * Readiness: whether readers may be told that something does not exist. An agent that has just started knows nobody and
 * nothing, and "there is none" would empty the configuration of whoever asks it. HTTP, SSE and DNS all read this one rule.
 */
import { type Millis, NEVER } from '../../base/time.ts';
import type { AgentOptions } from '../contract/options.ts';
import type { Readiness, Topic } from '../contract/view.ts';

/** Longest wait for the first exchange of catalogs: the peers may be gone for good, and this agent alone. */
export const PATIENCE: Millis = 5000;

const READY: Readiness = { ready: true };
const REASON =
  'this agent has just started and no other member has sent it the catalog yet: ask again within ' +
  `${PATIENCE / 1000} seconds`;

/** What the rule depends on, beside time. */
export interface ReadinessSources {
  /** Another catalog peer is up. */
  readonly hasPeer: () => boolean;
  /** Some ledger was restored. */
  readonly hasRestored: () => boolean;
  /** Takes the topic `readiness` when it changes. */
  readonly topics: { add(topic: Topic): unknown };
}

export class ReadinessTracker {
  readonly #sources: ReadinessSources;
  /** When patience is over; `NEVER`: this agent is ready. */
  #until: Millis;
  /** Also once a member has confirmed all that was restored: an answer that was given is not taken back. */
  #remembers = false;

  /** Without a seed, and without a member of the last run, there is nobody to wait for. */
  constructor(
    { name, hasSeeds, snapshot, now }: Pick<AgentOptions, 'name' | 'hasSeeds' | 'snapshot' | 'now'>,
    sources: ReadinessSources,
  ) {
    this.#sources = sources;
    const waits = hasSeeds === true || (snapshot?.peers ?? []).some((peer) => peer.name !== name);
    this.#until = waits ? now + PATIENCE : NEVER;
  }

  get deadline(): Millis {
    return this.#until;
  }

  get current(): Readiness {
    if (this.#until === NEVER) return READY;
    this.#remembers ||= this.#sources.hasRestored();
    return { ready: false, reason: REASON, remembers: this.#remembers };
  }

  /** The catalog of a peer has been compared with ours, and all that it had more has been kept. */
  onCatalogSynced(): void {
    this.#end();
  }

  /** A push/pull that we dialed has succeeded. If it showed no catalog peer, as with Serf agents, there is no catalog to wait for. */
  onPushPullSucceeded(): void {
    if (!this.#sources.hasPeer()) this.#end();
  }

  /** True if patience is over now. */
  tick(now: Millis): boolean {
    if (now < this.#until) return false;
    this.#end();
    return true;
  }

  #end(): void {
    if (this.#until === NEVER) return;
    this.#until = NEVER;
    this.#sources.topics.add('readiness');
  }
}
