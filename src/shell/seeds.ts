/** The seeds of an agent: those of `--join` must be joined at the start; all are joined again while members are missing. */
import type { Logger } from 'pino';
import type { AgentHandle } from '../agent/contract/agent-handle.ts';
import type { Snapshot } from '../agent/contract/machine.ts';
import { joinFailure } from '../agent/operations/join-leave.ts';
import type { AgentConfig } from '../config/schema.ts';
import { joinAtStart, type Rejoin, startRejoin } from './rejoin.ts';

export class RejoinedSeeds {
  readonly #agent: AgentHandle;
  readonly #logger: Logger;
  readonly #join: readonly string[];
  #retryJoin: readonly string[];
  /** Addresses of members of the last run. */
  readonly #previous: readonly string[];
  #rejoin: Rejoin | undefined;

  constructor(
    agent: AgentHandle,
    { join, retryJoin }: Pick<AgentConfig, 'join' | 'retryJoin'>,
    snapshot: Snapshot | undefined,
    logger: Logger,
  ) {
    this.#agent = agent;
    this.#logger = logger;
    this.#join = join;
    this.#retryJoin = retryJoin;
    this.#previous = snapshot?.peers.map((peer) => peer.addr) ?? [];
  }

  /** Rejects with `AgentError` if no seed of `--join` answers. */
  async join(): Promise<void> {
    if (this.#join.length > 0) {
      const report = await joinAtStart(this.#agent, this.#join);
      if (report.joined === 0) throw joinFailure(report);
    }
    this.#rejoin = startRejoin(this.#agent, this.#all, (joined, reason) => {
      if (joined > 0) this.#logger.info({ seeds: joined }, 'joined through seeds');
      else this.#logger.warn({ reason }, 'retry join: no seed answered, will retry');
    });
  }

  setRetryJoin(seeds: readonly string[]): void {
    this.#retryJoin = seeds;
    this.#rejoin?.setSeeds(this.#all);
  }

  stop(): void {
    this.#rejoin?.stop();
  }

  get #all(): readonly string[] {
    return [...new Set([...this.#join, ...this.#retryJoin, ...this.#previous])];
  }
}
