/** The event handlers of this agent: events are coalesced, then each handler gets those that its filters select. */
import type { Millis } from '../../base/time.ts';
import type { HandlerConfig } from '../../config/schema.ts';
import { type CoalescePeriods, Coalescer } from '../../serf/coalescing.ts';
import type { HandlerEvent } from '../../serf/types.ts';
import { Handler, type HandlerContext } from './handler.ts';

export interface HandlersOptions extends HandlerContext {
  readonly handlers: readonly HandlerConfig[];
  /** For how long member events and user events are coalesced. */
  readonly members: CoalescePeriods;
  readonly user: CoalescePeriods;
  /** The agent's monotonic clock. */
  now(): Millis;
}

export interface Handlers {
  notify(event: HandlerEvent): void;
  /** Calls `onEvent` for each event from now on, coalesced, until the returned function is called. */
  follow(onEvent: (event: HandlerEvent) => void): () => void;
  /** Replaces the handlers. Events that earlier ones have queued are still handled. */
  replace(handlers: readonly HandlerConfig[]): void;
  /** Stops running handlers and discards queued events. */
  close(): void;
}

export function createHandlers(options: HandlersOptions): Handlers {
  const coalescer = new Coalescer(options.members, options.user);
  let current = new Map<string, Handler>();
  let retired: Handler[] = [];
  const followers = new Set<(event: HandlerEvent) => void>();
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
  const deliver = (events: readonly HandlerEvent[]): void => {
    for (const event of events) {
      for (const handler of current.values()) handler.notify(event);
      for (const onEvent of [...followers]) onEvent(event);
    }
    armTimer();
  };
  const armTimer = (): void => {
    clearTimeout(timer);
    const { deadline } = coalescer;
    if (Number.isFinite(deadline)) timer = setTimeout(tick, Math.max(0, deadline - options.now())).unref();
  };
  const tick = (): void => {
    const out: HandlerEvent[] = [];
    coalescer.tick(options.now(), out);
    deliver(out);
  };

  replace(options.handlers);
  return {
    notify: (event) => {
      const out: HandlerEvent[] = [];
      coalescer.accept(event, options.now(), out);
      deliver(out);
    },
    follow: (onEvent) => {
      const own = (event: HandlerEvent): void => onEvent(event);
      followers.add(own);
      return () => void followers.delete(own);
    },
    replace,
    close: () => {
      clearTimeout(timer);
      for (const handler of [...retired, ...current.values()]) handler.close();
      current = new Map();
      followers.clear();
    },
  };
}
