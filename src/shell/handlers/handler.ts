/**
 * One event handler: it gets its events in order and one at a time, as in Serf, each with a timeout. Queries have a queue
 * of their own, since their senders do not wait for long.
 */
import { utf8Head } from '../../checks/output.ts';
import type { HandlerConfig } from '../../config/schema.ts';
import { eventName, eventType, matchesFilter } from '../../serf/event-filter.ts';
import type { HandlerEvent } from '../../serf/types.ts';
import type { ShellFact } from '../logging/facts.ts';
import type { ProgramUser } from '../program.ts';
import { type Action, MAX_HANDLER_OUTPUT_BYTES } from './action.ts';
import { scriptAction } from './script.ts';
import type { LocalNode } from './serf-env.ts';
import { webhookAction, webhookOrigin } from './webhook.ts';
import { WorkQueue } from './work-queue.ts';

/** What handlers use of the agent. */
export interface HandlerContext {
  /** As whom scripts run; absent: the user of the agent. */
  readonly execUser?: ProgramUser;
  self(): LocalNode;
  /** Responds to a query. Rejects if it was answered already, has timed out, or the response is too large. */
  respond(id: number, payload: Uint8Array): Promise<void>;
  record(fact: HandlerFact): void;
}
export type HandlerFact = Extract<
  ShellFact,
  { kind: 'handlerRan' | 'handlerFailed' | 'handlerEventDropped' }
>;

const MAX_QUEUED_EVENTS = 256;
const MAX_CONCURRENT_QUERIES = 4;
const MAX_QUEUED_QUERIES = 64;

export class Handler {
  readonly #filters: readonly string[];
  /** The program or the webhook's origin, for the log. */
  readonly #name: string;
  readonly #action: Action;
  readonly #context: HandlerContext;
  readonly #events: WorkQueue<HandlerEvent>;
  readonly #queries: WorkQueue<HandlerEvent>;

  constructor(config: HandlerConfig, context: HandlerContext) {
    this.#filters = config.on;
    [this.#name, this.#action] = createAction(config, context.execUser);
    this.#context = context;
    const process = (event: HandlerEvent, signal: AbortSignal): Promise<void> => this.#handle(event, signal);
    const onDropped = (event: HandlerEvent): void =>
      context.record({ kind: 'handlerEventDropped', handler: this.#name, event: eventLabel(event) });
    this.#events = new WorkQueue({
      concurrency: 1,
      maxQueued: MAX_QUEUED_EVENTS,
      process,
      onDropped,
    });
    this.#queries = new WorkQueue({
      concurrency: MAX_CONCURRENT_QUERIES,
      maxQueued: MAX_QUEUED_QUERIES,
      process,
      onDropped,
    });
  }

  get isIdle(): boolean {
    return this.#events.isIdle && this.#queries.isIdle;
  }

  /** Enqueues the event if a filter selects it. */
  notify(event: HandlerEvent): void {
    if (!this.#filters.some((filter) => matchesFilter(filter, event))) return;
    (event.kind === 'query' ? this.#queries : this.#events).enqueue(event);
  }

  close(): void {
    this.#events.close();
    this.#queries.close();
  }

  async #handle(event: HandlerEvent, closing: AbortSignal): Promise<void> {
    const fact = { handler: this.#name, event: eventLabel(event) };
    const startedAt = performance.now();
    try {
      const output = await this.#action(event, this.#context.self(), closing);
      if (event.kind === 'query' && output.length > 0) await this.#context.respond(event.query.id, output);
      const durationMs = Math.round(performance.now() - startedAt);
      this.#context.record({
        kind: 'handlerRan',
        ...fact,
        durationMs,
        output: utf8Head(output, MAX_HANDLER_OUTPUT_BYTES),
      });
    } catch (error) {
      if (closing.aborted) return;
      this.#context.record({ kind: 'handlerFailed', ...fact, reason: (error as Error).message });
    }
  }
}

/** `member-join`, `user:deploy`. */
function eventLabel(event: HandlerEvent): string {
  const name = eventName(event);
  return name === undefined ? eventType(event) : `${eventType(event)}:${name}`;
}

function createAction(
  { run, webhook, timeout }: HandlerConfig,
  execUser: ProgramUser | undefined,
): [name: string, action: Action] {
  return webhook === undefined
    ? [run[0] as string, scriptAction(run, timeout, execUser)]
    : [webhookOrigin(webhook), webhookAction(webhook, timeout)];
}
