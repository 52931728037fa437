/**
 * `/v1/event`: Serf's user events in Consul's JSON. On the wire they are plain Serf events, so agents of Serf receive
 * them and their events are listed here. Events with filters are for agents of hearsay only.
 *
 * Source: Consul event_endpoint.go; Consul HTTP API, "Fire Event", "List Events".
 */
import { createHash } from 'node:crypto';
import { copyBytes } from '../../../base/bytes.ts';
import { AgentError } from '../../../base/errors.ts';
import { compilePattern } from '../../../base/pattern/pattern.ts';
import type { ReceivedUserEvent } from '../../../serf/types.ts';
import type { EventFilter } from '../../../wire/event-filter.ts';
import { flagParam, textParam } from '../../endpoint/query.ts';
import { type Route, route } from '../../endpoint/route.ts';
import { arrayOf, named, nullable, number, object, string } from '../../endpoint/schema.ts';
import { requireValue } from '../../pool/selectors.ts';

/** Exactly these keys: clients check the set. */
const EVENT_SCHEMA = named(
  'Event',
  object({
    ID: string,
    Name: string,
    Payload: nullable(string),
    NodeFilter: string,
    ServiceFilter: string,
    TagFilter: string,
    Version: number,
    LTime: number,
  }),
);

/**
 * `PUT /v1/event/fire/:name`, and POST: the body is the payload. `coalesce` is Serf's: only the newest event matters.
 */
export const eventFire = eventFireRoute('PUT');
export const eventFirePost = eventFireRoute('POST');

/**
 * `GET /v1/event/list`: the last 256 events received here, oldest first. With `name` it blocks on events of that name.
 */
export const eventList = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/event/list',
  summary: 'User events received lately, oldest first',
  query: { name: textParam },
  responseSchema: arrayOf(EVENT_SCHEMA),
  watch: ({ query: { name } }) => [name === '' ? 'events' : `event:${name}`],
  handler: ({ query: { name }, view }) =>
    view
      .userEvents()
      .filter((event) => name === '' || event.name === name)
      .map((event) => toConsulEvent(event, event.ltime, view.userEventIndex(event))),
});

function eventFireRoute(method: 'PUT' | 'POST'): Route {
  return route({
    method,
    scope: 'register',
    path: '/v1/event/fire/:name...',
    responseSchema: EVENT_SCHEMA,
    summary: 'Fire a user event; the body is its payload',
    query: { node: textParam, service: textParam, tag: textParam, coalesce: flagParam },
    body: (bytes: Uint8Array) => copyBytes(bytes),
    handler: async ({ params, query: { node, service, tag, coalesce }, body, site, view }) => {
      const name = requireValue(params.name, 'name');
      const command = { kind: 'fireEvent', name, payload: body, coalesce } as const;
      const filter = parseEventFilter({ node, service, tag });
      const event = await site.agent.execute(filter === undefined ? command : { ...command, filter });
      return toConsulEvent(event, 0, view.userEventIndex(event));
    },
  });
}

/** Source: Consul agent/user_event.go, validateUserEventParams. */
function parseEventFilter(filter: EventFilter): EventFilter | undefined {
  if (filter.tag !== '' && filter.service === '')
    throw new AgentError('badRequest', 'Cannot provide tag filter without service filter');
  for (const [name, expression] of Object.entries(filter))
    if (expression !== '' && compilePattern(expression) === undefined)
      throw new AgentError('badRequest', `Invalid ${name} filter: it must be a regular expression of RE2`);
  return filter.node === '' && filter.service === '' ? undefined : filter;
}

const toConsulEvent = (event: ReceivedUserEvent, ltime: number, index: number): unknown => ({
  ID: deriveEventId(event, index),
  Name: event.name,
  Payload: event.payload.length === 0 ? null : Buffer.from(event.payload).toString('base64'),
  NodeFilter: event.filter?.node ?? '',
  ServiceFilter: event.filter?.service ?? '',
  TagFilter: event.filter?.tag ?? '',
  Version: 1,
  LTime: ltime,
});

/**
 * A UUID whose halves combined by XOR are the event's index at this agent. Clients of Consul compute that from the id,
 * and compare it with `X-Consul-Index` to tell the events that they have seen. The upper half is a hash of what
 * identifies the event for Serf (name, payload, filters and Lamport time), so it is the same at all agents. Version 8 is the
 * UUID of vendor-specific formats.
 *
 * Source: Consul api/event.go, IDToIndex; api/watch/funcs.go, eventWatch.
 */
function deriveEventId({ name, payload, ltime, filter }: ReceivedUserEvent, index: number): string {
  const hash = createHash('sha256').update(`${ltime}\n${name}\n`).update(payload);
  if (filter !== undefined) hash.update(JSON.stringify([filter.node, filter.service, filter.tag]));
  const upper = hash.digest().subarray(0, 8);
  // An index has at most 53 bits, so the highest bits of both halves are equal: here those of the UUID's variant.
  upper[0] = ((upper[0] as number) & 0x3f) | 0x80;
  upper[6] = ((upper[6] as number) & 0x0f) | 0x80;
  const lower = Buffer.alloc(8);
  lower.writeBigUInt64BE(upper.readBigUInt64BE() ^ BigInt(index));
  const hex = upper.toString('hex') + lower.toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
