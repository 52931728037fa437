/** One log, written where the agent was started and to whoever follows it for a while, each at a level of its own. */
import type { Logger } from 'pino';

export const PINO_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type PinoLevel = (typeof PINO_LEVELS)[number];

/** What takes lines; each ends with a line break. */
export interface LineSink {
  write(line: string): unknown;
}

interface StreamEntry {
  /** As pino counts: `trace` is 10, `fatal` 60. */
  readonly level: number;
  readonly sink: LineSink;
}

/** Has pino leave the level of each line in `lastLevel`. Source: pino's `symbols.needsMetadataGsym`. */
const METADATA: unique symbol = Symbol.for('pino.metadata');

/** A destination for pino. */
export class LogMultistream implements LineSink {
  readonly [METADATA] = true;
  lastLevel = 0;
  readonly #followers = new Set<StreamEntry>();
  #own: StreamEntry;
  #logger: Logger | undefined;

  constructor(level: PinoLevel, sink: LineSink) {
    this.#own = { level: numberOf(level), sink };
  }

  /** From now on its level is what the most curious wants to hear. */
  attach(logger: Logger): void {
    this.#logger = logger;
    this.#updateLevel();
  }

  /** Of what is written where the agent was started. */
  setLevel(level: PinoLevel): void {
    this.#own = { ...this.#own, level: numberOf(level) };
    this.#updateLevel();
  }

  /** `take` must not log. Returns what ends it. */
  follow(level: PinoLevel, take: (line: string) => void): () => void {
    const branch: StreamEntry = { level: numberOf(level), sink: { write: take } };
    this.#followers.add(branch);
    this.#updateLevel();
    return () => {
      this.#followers.delete(branch);
      this.#updateLevel();
    };
  }

  write(line: string): void {
    const level = this.lastLevel;
    if (level >= this.#own.level) this.#own.sink.write(line);
    for (const follower of this.#followers) if (level >= follower.level) follower.sink.write(line);
  }

  #updateLevel(): void {
    const least = Math.min(this.#own.level, ...[...this.#followers].map(({ level }) => level));
    if (this.#logger !== undefined) this.#logger.level = PINO_LEVELS[least / 10 - 1] as PinoLevel;
  }
}

const numberOf = (level: PinoLevel): number => (PINO_LEVELS.indexOf(level) + 1) * 10;
