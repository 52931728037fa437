/** The handlers of this agent: news is gathered (serf/coalescing.ts), then each handler is told what it asked for. */
import type { Millis } from '../../base/time.ts';
import type { HandlerConfig } from '../../config/schema.ts';
import { type CoalescePeriods, Coalescer } from '../../serf/coalescing.ts';
import type { HandlerEvent } from '../../serf/types.ts';
import { Handler, type HandlerContext } from './handler.ts';

export interface HandlersOptions extends HandlerContext {
  readonly handlers: readonly HandlerConfig[];
  /** How long changes of members, and user events, are gathered. */
  readonly members: CoalescePeriods;
  readonly user: CoalescePeriods;
  /** The agent's monotonic clock. */
  now(): Millis;
}

export interface Handlers {
  notify(news: HandlerEvent): void;
  /** From now on these; what was told to others before is still handled. */
  replace(handlers: readonly HandlerConfig[]): void;
  /** Kills what runs, and forgets what waits. */
  close(): void;
}

export function createHandlers(options: HandlersOptions): Handlers {
  const coalescing = new Coalescer(options.members, options.user);
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
    retired = retired.filter((handler) => !handler.isIdle);
    current = next;
  };
  const deliver = (all: readonly HandlerEvent[]): void => {
    for (const news of all) for (const handler of current.values()) handler.notify(news);
    arm();
  };
  const arm = (): void => {
    clearTimeout(timer);
    const { deadline } = coalescing;
    if (Number.isFinite(deadline)) timer = setTimeout(tick, Math.max(0, deadline - options.now())).unref();
  };
  const tick = (): void => {
    const out: HandlerEvent[] = [];
    coalescing.tick(options.now(), out);
    deliver(out);
  };

  replace(options.handlers);
  return {
    notify: (news) => {
      if (current.size === 0) return;
      const out: HandlerEvent[] = [];
      coalescing.accept(news, options.now(), out);
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
