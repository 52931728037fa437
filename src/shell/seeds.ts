/** The seeds of an agent: those of `--join` must be joined at the start; all are joined again while members are missing. */
import type { Logger } from 'pino';
import type { AgentHandle } from '../agent/contract/agent-handle.ts';
import type { Snapshot } from '../agent/contract/machine.ts';
import { joinFailure } from '../agent/operations/join-leave.ts';
import type { AgentConfig } from '../config/schema.ts';
import { joinAtStart, type Rejoin, startRejoin } from './rejoin.ts';

export interface SeedsOptions {
  readonly config: Pick<
    AgentConfig,
    'join' | 'retryJoin' | 'retryJoinMax' | 'retryJoinInterval' | 'rejoinAfterLeave' | 'replayOnJoin'
  >;
  /** What the last run saved. */
  readonly snapshot: Pick<Snapshot, 'peers' | 'left'> | undefined;
  /** No seed has answered in `retryJoinMax` attempts. */
  onGivenUp(): void;
}

export class RejoinedSeeds {
  readonly #agent: AgentHandle;
  readonly #logger: Logger;
  readonly #join: readonly string[];
  #retryJoin: readonly string[];
  /** Addresses of members of the last run. */
  readonly #previous: readonly string[];
  readonly #options: SeedsOptions;
  /** Addresses that were found on the LAN. */
  #discovered: readonly string[] = [];
  #rejoin: Rejoin | undefined;
  /** Attempts that no seed answered; `undefined`: one has answered. */
  #failures: number | undefined = 0;

  constructor(agent: AgentHandle, logger: Logger, options: SeedsOptions) {
    const { config, snapshot } = options;
    this.#agent = agent;
    this.#logger = logger;
    this.#options = options;
    this.#join = config.join;
    this.#retryJoin = config.retryJoin;
    const hasLeft = snapshot?.left === true && !config.rejoinAfterLeave;
    this.#previous = hasLeft ? [] : (snapshot?.peers.map((peer) => peer.addr) ?? []);
  }

  /** Rejects with `AgentError` if no seed of `--join` answers. When `stopping` aborts, nothing is joined any more. */
  async join(stopping?: AbortSignal): Promise<void> {
    const { replayOnJoin: replay } = this.#options.config;
    if (this.#join.length > 0) {
      const report = await joinAtStart(this.#agent, this.#join, replay, stopping);
      if (report === undefined) return;
      if (report.joined === 0) throw joinFailure(report);
      this.#failures = undefined;
    }
    this.#rejoin = startRejoin(this.#agent, this.#all, (joined, reason) => this.#onOutcome(joined, reason), {
      replay,
      firstPauseMs: this.#failures === undefined ? 0 : this.#options.config.retryJoinInterval,
    });
  }

  #onOutcome(joined: number, reason: string): void {
    if (joined > 0) {
      this.#failures = undefined;
      return this.#logger.info({ seeds: joined }, 'joined through seeds');
    }
    if (this.#failures !== undefined) this.#failures += 1;
    const { retryJoinMax } = this.#options.config;
    if (retryJoinMax === 0 || this.#failures === undefined || this.#failures < retryJoinMax)
      return this.#logger.warn({ reason }, 'retry join: no seed answered, will retry');
    this.stop();
    this.#logger.fatal(
      { reason, attempts: retryJoinMax },
      'retry join: no seed answered in retryJoinMax attempts: stopped; check that an agent runs there, with the same key and label',
    );
    this.#options.onGivenUp();
  }

  setRetryJoin(seeds: readonly string[]): void {
    this.#retryJoin = seeds;
    this.#rejoin?.setSeeds(this.#all);
  }

  setDiscovered(seeds: readonly string[]): void {
    this.#discovered = seeds;
    this.#rejoin?.setSeeds(this.#all);
  }

  stop(): void {
    this.#rejoin?.stop();
  }

  get #all(): readonly string[] {
    return [...new Set([...this.#join, ...this.#retryJoin, ...this.#previous, ...this.#discovered])];
  }
}
