/**
 * One handler: what it is told, in order and one at a time as at Serf's agents, each within its time. Queries have a
 * line of their own, since whoever asks does not wait for long.
 */
import { utf8Head } from '../../checks/output.ts';
import type { HandlerConfig } from '../../config/schema.ts';
import type { HandlerEvent } from '../../serf/types.ts';
import type { ShellFact } from '../logging/facts.ts';
import { type Action, MAX_HANDLER_OUTPUT_BYTES } from './action.ts';
import { WorkQueue } from './line.ts';
import { eventName, eventType, type LocalNode, matchesFilter } from './news.ts';
import { scriptAction } from './script.ts';
import { webhookAction, webhookOrigin } from './webhook.ts';

/** What a handler needs of the agent. */
export interface HandlerContext {
  self(): LocalNode;
  /** Answers a query. Rejects if it was answered, is over, or the answer is too large. */
  respond(id: number, payload: Uint8Array): Promise<void>;
  record(fact: HandlerFact): void;
}
export type HandlerFact = Extract<
  ShellFact,
  { kind: 'handlerRan' | 'handlerFailed' | 'handlerEventDropped' }
>;

const MAX_QUEUED_EVENTS = 256;
const QUERIES_AT_ONCE = 4;
const MAX_QUEUED_QUERIES = 64;

export class Handler {
  readonly #filters: readonly string[];
  /** For the log. */
  readonly #name: string;
  readonly #action: Action;
  readonly #context: HandlerContext;
  readonly #news: WorkQueue<HandlerEvent>;
  readonly #queries: WorkQueue<HandlerEvent>;

  constructor(config: HandlerConfig, host: HandlerContext) {
    this.#filters = config.on;
    [this.#name, this.#action] = actionOf(config);
    this.#context = host;
    const work = (news: HandlerEvent, signal: AbortSignal): Promise<void> => this.#handle(news, signal);
    const dropped = (news: HandlerEvent): void =>
      host.record({ kind: 'handlerEventDropped', handler: this.#name, event: eventLabel(news) });
    this.#news = new WorkQueue({
      concurrency: 1,
      maxQueued: MAX_QUEUED_EVENTS,
      process: work,
      onDropped: dropped,
    });
    this.#queries = new WorkQueue({
      concurrency: QUERIES_AT_ONCE,
      maxQueued: MAX_QUEUED_QUERIES,
      process: work,
      onDropped: dropped,
    });
  }

  get isIdle(): boolean {
    return this.#news.isIdle && this.#queries.isIdle;
  }

  /** Only what it wants to be told. */
  notify(news: HandlerEvent): void {
    if (!this.#filters.some((filter) => matchesFilter(filter, news))) return;
    (news.kind === 'query' ? this.#queries : this.#news).enqueue(news);
  }

  close(): void {
    this.#news.close();
    this.#queries.close();
  }

  async #handle(news: HandlerEvent, closing: AbortSignal): Promise<void> {
    const fact = { handler: this.#name, event: eventLabel(news) };
    const startedAt = performance.now();
    try {
      const said = await this.#action(news, this.#context.self(), closing);
      if (news.kind === 'query' && said.length > 0) await this.#context.respond(news.query.id, said);
      const durationMs = Math.round(performance.now() - startedAt);
      this.#context.record({
        kind: 'handlerRan',
        ...fact,
        durationMs,
        output: utf8Head(said, MAX_HANDLER_OUTPUT_BYTES),
      });
    } catch (error) {
      if (closing.aborted) return;
      this.#context.record({ kind: 'handlerFailed', ...fact, reason: (error as Error).message });
    }
  }
}

/** `member-join`, `user:deploy`. */
function eventLabel(news: HandlerEvent): string {
  const name = eventName(news);
  return name === undefined ? eventType(news) : `${eventType(news)}:${name}`;
}

function actionOf({ run, webhook, timeout }: HandlerConfig): [name: string, action: Action] {
  return webhook === undefined
    ? [run[0] as string, scriptAction(run, timeout)]
    : [webhookOrigin(webhook), webhookAction(webhook, timeout)];
}
