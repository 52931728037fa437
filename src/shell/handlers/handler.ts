/**
 * One handler: what it is told, in order and one at a time as at Serf's agents, each within its time. Queries have a
 * line of their own, since whoever asks does not wait for long.
 */
import { firstBytes } from '../../checks/output.ts';
import type { HandlerConfig } from '../../config/schema.ts';
import type { News } from '../../serf/types.ts';
import type { ShellFact } from '../logging/facts.ts';
import { type Action, MAX_KEPT_BYTES } from './action.ts';
import { Line } from './line.ts';
import { eventOf, matches, nameOf, type Self } from './news.ts';
import { scriptAction } from './script.ts';
import { placeOf, webhookAction } from './webhook.ts';

/** What a handler needs of the agent. */
export interface HandlerHost {
  self(): Self;
  /** Answers a query. Rejects if it was answered, is over, or the answer is too large. */
  respond(id: number, payload: Uint8Array): Promise<void>;
  note(fact: HandlerFact): void;
}
export type HandlerFact = Extract<ShellFact, { kind: 'handlerRan' | 'handlerFailed' | 'handlerDropped' }>;

const ROOM = 256;
const QUERIES_AT_ONCE = 4;
const QUERY_ROOM = 64;

export class Handler {
  readonly #filters: readonly string[];
  /** For the log. */
  readonly #name: string;
  readonly #act: Action;
  readonly #host: HandlerHost;
  readonly #news: Line<News>;
  readonly #queries: Line<News>;

  constructor(config: HandlerConfig, host: HandlerHost) {
    this.#filters = config.on;
    [this.#name, this.#act] = actionOf(config);
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
    if (!this.#filters.some((filter) => matches(filter, news))) return;
    (news.kind === 'query' ? this.#queries : this.#news).push(news);
  }

  close(): void {
    this.#news.close();
    this.#queries.close();
  }

  async #handle(news: News, closing: AbortSignal): Promise<void> {
    const fact = { handler: this.#name, event: titleOf(news) };
    const startedAt = performance.now();
    try {
      const said = await this.#act(news, this.#host.self(), closing);
      if (news.kind === 'query' && said.length > 0) await this.#host.respond(news.query.id, said);
      const millis = Math.round(performance.now() - startedAt);
      this.#host.note({ kind: 'handlerRan', ...fact, millis, said: firstBytes(said, MAX_KEPT_BYTES) });
    } catch (error) {
      if (closing.aborted) return;
      this.#host.note({ kind: 'handlerFailed', ...fact, why: (error as Error).message });
    }
  }
}

/** `member-join`, `user:deploy`. */
function titleOf(news: News): string {
  const name = nameOf(news);
  return name === undefined ? eventOf(news) : `${eventOf(news)}:${name}`;
}

function actionOf({ run, webhook, timeout }: HandlerConfig): [name: string, action: Action] {
  return webhook === undefined
    ? [run[0] as string, scriptAction(run, timeout)]
    : [placeOf(webhook), webhookAction(webhook, timeout)];
}
