/** The handlers of this agent: news is gathered (serf/coalescing.ts), then each handler is told what it asked for. */
import type { Millis } from '../../base/time.ts';
import type { HandlerConfig } from '../../config/schema.ts';
import { Coalescing, type Spans } from '../../serf/coalescing.ts';
import type { News } from '../../serf/types.ts';
import { Handler, type HandlerHost } from './handler.ts';

export interface HandlersOptions extends HandlerHost {
  readonly handlers: readonly HandlerConfig[];
  /** How long changes of members, and user events, are gathered. */
  readonly members: Spans;
  readonly user: Spans;
  /** The agent's monotonic clock. */
  now(): Millis;
}

export interface Handlers {
  tell(news: News): void;
  /** From now on these; what was told to others before is still handled. */
  replace(handlers: readonly HandlerConfig[]): void;
  /** Kills what runs, and forgets what waits. */
  close(): void;
}

export function createHandlers(options: HandlersOptions): Handlers {
  const coalescing = new Coalescing(options.members, options.user);
  let current = new Map<string, Handler>();
  let retired: Handler[] = [];
  let timer: NodeJS.Timeout | undefined;

  const replace = (configs: readonly HandlerConfig[]): void => {
    const next = new Map<string, Handler>();
    for (const config of configs) {
      const key = JSON.stringify(config);
      next.set(key, current.get(key) ?? new Handler(config, options));
    }
    for (const [key, handler] of current) if (!next.has(key)) retired.push(handler);
    retired = retired.filter((handler) => !handler.idle);
    current = next;
  };
  const deliver = (all: readonly News[]): void => {
    for (const news of all) for (const handler of current.values()) handler.tell(news);
    arm();
  };
  const arm = (): void => {
    clearTimeout(timer);
    const { deadline } = coalescing;
    if (Number.isFinite(deadline)) timer = setTimeout(tick, Math.max(0, deadline - options.now())).unref();
  };
  const tick = (): void => {
    const out: News[] = [];
    coalescing.tick(options.now(), out);
    deliver(out);
  };

  replace(options.handlers);
  return {
    tell: (news) => {
      if (current.size === 0) return;
      const out: News[] = [];
      coalescing.take(news, options.now(), out);
      deliver(out);
    },
    replace,
    close: () => {
      clearTimeout(timer);
      for (const handler of [...retired, ...current.values()]) handler.close();
      current = new Map();
    },
  };
}
