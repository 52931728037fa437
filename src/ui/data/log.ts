/** What happened lately, from the log of this agent: the last lines from before, and all from now on. */
import { type LogLine, parseLine } from './log-line.ts';
import { Source } from './source.ts';
import { followStream } from './stream.ts';

export type LogLevelName = 'info' | 'debug';

/** The agent keeps so many lines from before, and this page so many in all. */
const RECENT = 512;
const MAX_LINES = 5000;

export class LiveLog extends Source {
  lines: readonly LogLine[] = [];
  /** Why no lines come. */
  failure: string | undefined;
  #level: LogLevelName = 'info';
  #rest = '';
  #count = 0;
  #pending: LogLine[] = [];
  #stop: (() => void) | undefined;
  /** The last lines as they came: after a reconnection the agent sends them again. */
  #seen: string[] = [];

  /** The log is followed while somebody listens. */
  override subscribe(listener: () => void): () => void {
    const end = super.subscribe(listener);
    this.#stop ??= this.#follow();
    return () => {
      end();
      if (this.isWatched) return;
      this.#stop?.();
      this.#stop = undefined;
    };
  }

  get level(): LogLevelName {
    return this.#level;
  }

  setLevel(level: LogLevelName): void {
    if (level === this.#level) return;
    this.#level = level;
    this.#stop?.();
    this.#stop = this.#follow();
    this.announce();
  }

  #follow(): () => void {
    return followStream({
      maxSilence: 0,
      request: () => ({ path: `/v1/agent/monitor?logjson&loglevel=${this.#level}&recent=${RECENT}` }),
      onOpen: () => {
        this.#rest = '';
      },
      onText: (text) => this.#take(text),
      onConnection: (connection) => {
        this.failure = connection.kind === 'lost' ? connection.reason : undefined;
        this.announce();
      },
    });
  }

  #take(text: string): void {
    const raw = (this.#rest + text).split('\n');
    this.#rest = raw.pop() ?? '';
    for (const line of raw) {
      if (line === '' || this.#seen.includes(line)) continue;
      this.#seen.push(line);
      const parsed = parseLine(line, this.#count++);
      if (parsed !== undefined) this.#pending.push(parsed);
    }
    this.#seen = this.#seen.slice(-RECENT);
    this.announce();
  }

  protected override gathered(): void {
    if (this.#pending.length > 0) this.lines = [...this.lines, ...this.#pending].slice(-MAX_LINES);
    this.#pending = [];
  }
}
