/** Event filters of handlers and streams: which events `user:deploy` selects. */
import type { HandlerEvent } from './types.ts';

/** `member-join`, `user`, `query`. */
export const eventType = (event: HandlerEvent): string =>
  event.kind === 'members' ? `member-${event.change}` : event.kind;

/** The name of a user event or a query. */
export function eventName(event: HandlerEvent): string | undefined {
  if (event.kind === 'user') return event.event.name;
  return event.kind === 'query' ? event.query.name : undefined;
}

/** Whether a filter such as `user:deploy` selects the event. */
export function matchesFilter(filter: string, event: HandlerEvent): boolean {
  if (filter === '*') return true;
  const type = eventType(event);
  return filter === type || filter === `${type}:${eventName(event)}`;
}
