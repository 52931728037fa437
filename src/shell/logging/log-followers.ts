/** One log, written where the agent was started and to whoever follows it for a while, each at a level of its own. */
import type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What takes lines; each ends with a line break. */
export interface LineSink {
  write(line: string): unknown;
}

interface Branch {
  /** As pino counts: `trace` is 10, `fatal` 60. */
  readonly level: number;
  readonly sink: LineSink;
}

/** Has pino leave the level of each line in `lastLevel`. Source: pino's `symbols.needsMetadataGsym`. */
const METADATA: unique symbol = Symbol.for('pino.metadata');

/** A destination for pino. */
export class LogFan implements LineSink {
  readonly [METADATA] = true;
  lastLevel = 0;
  readonly #followers = new Set<Branch>();
  #own: Branch;
  #logger: Logger | undefined;

  constructor(level: LogLevel, sink: LineSink) {
    this.#own = { level: numberOf(level), sink };
  }

  /** From now on its level is what the most curious wants to hear. */
  serve(logger: Logger): void {
    this.#logger = logger;
    this.#adjust();
  }

  /** Of what is written where the agent was started. */
  setLevel(level: LogLevel): void {
    this.#own = { ...this.#own, level: numberOf(level) };
    this.#adjust();
  }

  /** `take` must not log. Returns what ends it. */
  follow(level: LogLevel, take: (line: string) => void): () => void {
    const branch: Branch = { level: numberOf(level), sink: { write: take } };
    this.#followers.add(branch);
    this.#adjust();
    return () => {
      this.#followers.delete(branch);
      this.#adjust();
    };
  }

  write(line: string): void {
    const level = this.lastLevel;
    if (level >= this.#own.level) this.#own.sink.write(line);
    for (const follower of this.#followers) if (level >= follower.level) follower.sink.write(line);
  }

  #adjust(): void {
    const least = Math.min(this.#own.level, ...[...this.#followers].map(({ level }) => level));
    if (this.#logger !== undefined) this.#logger.level = LOG_LEVELS[least / 10 - 1] as LogLevel;
  }
}

const numberOf = (level: LogLevel): number => (LOG_LEVELS.indexOf(level) + 1) * 10;
