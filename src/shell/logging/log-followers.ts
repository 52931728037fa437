/** Log followers: the log is written to stderr and to each follower, each with a level of its own. */
import type { Logger } from 'pino';
import { LOG_LEVELS, type LogLevel } from '../../config/schema.ts';

/** Lines that are kept for followers that want what was before. Source: serf agent, log_writer.go. */
export const MAX_RECENT_LINES = 512;

/** Writes lines; each ends with a line break. */
export interface LineSink {
  write(line: string): unknown;
}

interface StreamEntry {
  /** Pino's number of the level: `trace` is 10, `fatal` is 60. */
  readonly level: number;
  readonly sink: LineSink;
}

/** Makes pino set `lastLevel` before each line. Source: pino's `symbols.needsMetadataGsym`. */
const METADATA: unique symbol = Symbol.for('pino.metadata');

/** A destination for pino, as `pino.multistream`, whose streams come and go. */
export class LogMultistream implements LineSink {
  readonly [METADATA] = true;
  lastLevel = 0;
  readonly #followers = new Set<StreamEntry>();
  /** The last lines that were written to the main sink, oldest first, with their levels. */
  readonly #recent: { readonly level: number; readonly line: string }[] = [];
  #main: StreamEntry;
  #logger: Logger | undefined;

  constructor(level: LogLevel, sink: LineSink) {
    this.#main = { level: toNumber(level), sink };
  }

  /** From now on the logger's level is the lowest that any stream wants. */
  attach(logger: Logger): void {
    this.#logger = logger;
    this.#updateLevel();
  }

  /** Sets the level of stderr. */
  setLevel(level: LogLevel): void {
    this.#main = { ...this.#main, level: toNumber(level) };
    this.#updateLevel();
  }

  /**
   * Adds a follower; `onLine` must not log. At once it gets the last `recent` lines of its level, of those that are kept.
   * Returns a function that removes it.
   */
  follow(level: LogLevel, onLine: (line: string) => void, recent = 0): () => void {
    const follower: StreamEntry = { level: toNumber(level), sink: { write: onLine } };
    const before = this.#recent.filter((one) => one.level >= follower.level);
    for (const { line } of before.slice(Math.max(0, before.length - recent))) onLine(line);
    this.#followers.add(follower);
    this.#updateLevel();
    return () => {
      this.#followers.delete(follower);
      this.#updateLevel();
    };
  }

  write(line: string): void {
    const level = this.lastLevel;
    if (level >= this.#main.level) {
      this.#main.sink.write(line);
      this.#recent.push({ level, line });
      if (this.#recent.length > MAX_RECENT_LINES) this.#recent.shift();
    }
    for (const follower of this.#followers) if (level >= follower.level) follower.sink.write(line);
  }

  #updateLevel(): void {
    const lowest = Math.min(this.#main.level, ...[...this.#followers].map(({ level }) => level));
    if (this.#logger !== undefined) this.#logger.level = LOG_LEVELS[lowest / 10 - 1] as LogLevel;
  }
}

const toNumber = (level: LogLevel): number => (LOG_LEVELS.indexOf(level) + 1) * 10;
