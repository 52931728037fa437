/**
 * One handler: what it is told, in order and one at a time as at Serf's agents, each within its time. Queries have a
 * line of their own, since whoever asks does not wait for long.
 */
import { firstBytes } from '../../checks/output.ts';
import type { HandlerConfig } from '../../config/schema.ts';
import type { News } from '../../serf/types.ts';
import type { ShellFact } from '../journal.ts';
import { runProgram } from '../program.ts';
import { Line } from './line.ts';
import { environmentOf, eventOf, inputOf, matches, nameOf, type Self } from './news.ts';

/** What a handler needs of the agent. */
export interface HandlerHost {
  self(): Self;
  /** Answers a query. Rejects if it was answered, is over, or the answer is too large. */
  respond(id: number, payload: Uint8Array): Promise<void>;
  note(fact: HandlerFact): void;
}
export type HandlerFact = Extract<ShellFact, { kind: 'handlerRan' | 'handlerFailed' | 'handlerDropped' }>;

/** Of what it says. Source: S14. */
const MAX_KEPT_BYTES = 4096;
const ROOM = 256;
const QUERIES_AT_ONCE = 4;
const QUERY_ROOM = 64;

export class Handler {
  readonly #config: HandlerConfig;
  readonly #host: HandlerHost;
  readonly #news: Line<News>;
  readonly #queries: Line<News>;

  constructor(config: HandlerConfig, host: HandlerHost) {
    this.#config = config;
    this.#host = host;
    const work = (news: News, signal: AbortSignal): Promise<void> => this.#handle(news, signal);
    const dropped = (news: News): void =>
      host.note({ kind: 'handlerDropped', handler: this.#name, event: titleOf(news) });
    this.#news = new Line({ atOnce: 1, room: ROOM, work, dropped });
    this.#queries = new Line({ atOnce: QUERIES_AT_ONCE, room: QUERY_ROOM, work, dropped });
  }

  get idle(): boolean {
    return this.#news.idle && this.#queries.idle;
  }

  /** Only what it wants to be told. */
  tell(news: News): void {
    if (!this.#config.on.some((filter) => matches(filter, news))) return;
    (news.kind === 'query' ? this.#queries : this.#news).push(news);
  }

  close(): void {
    this.#news.close();
    this.#queries.close();
  }

  get #name(): string {
    return this.#config.run[0] as string;
  }

  async #handle(news: News, closing: AbortSignal): Promise<void> {
    const fact = { handler: this.#name, event: titleOf(news) };
    const startedAt = performance.now();
    try {
      const said = await this.#run(news, closing);
      if (news.kind === 'query' && said.length > 0) await this.#host.respond(news.query.id, said);
      const millis = Math.round(performance.now() - startedAt);
      this.#host.note({ kind: 'handlerRan', ...fact, millis, said: firstBytes(said, MAX_KEPT_BYTES) });
    } catch (error) {
      if (closing.aborted) return;
      this.#host.note({ kind: 'handlerFailed', ...fact, why: (error as Error).message });
    }
  }

  /** What the program said, if it ended well. */
  async #run(news: News, closing: AbortSignal): Promise<Uint8Array> {
    const { run: argv, timeout } = this.#config;
    const late = AbortSignal.timeout(timeout);
    const chunks: Buffer[] = [];
    let kept = 0;
    const { code, signal } = await runProgram({
      argv,
      env: environmentOf(news, this.#host.self()),
      input: inputOf(news),
      signal: AbortSignal.any([closing, late]),
      heard: (chunk) => {
        if (kept < MAX_KEPT_BYTES) chunks.push(chunk.subarray(0, MAX_KEPT_BYTES - kept));
        kept += chunk.length;
      },
    });
    if (late.aborted) throw new Error(`it took longer than ${timeout / 1000} s and was stopped`);
    if (code === 0) return Buffer.concat(chunks);
    const words = firstBytes(Buffer.concat(chunks), MAX_KEPT_BYTES).trim();
    const end = signal === null ? `exit code ${code}` : `ended by ${signal}`;
    throw new Error(words === '' ? end : `${end}: ${words}`);
  }
}

/** `member-join`, `user:deploy`. */
function titleOf(news: News): string {
  const name = nameOf(news);
  return name === undefined ? eventOf(news) : `${eventOf(news)}:${name}`;
}
