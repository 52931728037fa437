/**
 * `/v1/event`: Serf's user events in Consul's JSON. On the wire they are plain Serf events, so agents of Serf receive
 * them and their events are listed here.
 *
 * Differs: an event goes to all members, since a Serf event has no field for the nodes or services it is meant for.
 *
 * Source: Consul event_endpoint.go; Consul HTTP API, "Fire Event", "List Events".
 */
import { createHash } from 'node:crypto';
import { copyBytes } from '../../../base/bytes.ts';
import { AgentError } from '../../../base/errors.ts';
import type { ReceivedUserEvent } from '../../../serf/types.ts';
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
      if (node !== '' || service !== '' || tag !== '')
        throw new AgentError(
          'unavailable',
          'events go to all members: fire it without node, service and tag, and let handlers ignore it where it does not apply',
        );
      const event = await site.agent.execute({ kind: 'fireEvent', name, payload: body, coalesce });
      return toConsulEvent(event, 0, view.userEventIndex(event));
    },
  });
}

const toConsulEvent = (event: ReceivedUserEvent, ltime: number, index: number): unknown => ({
  ID: deriveEventId(event, index),
  Name: event.name,
  Payload: event.payload.length === 0 ? null : Buffer.from(event.payload).toString('base64'),
  NodeFilter: '',
  ServiceFilter: '',
  TagFilter: '',
  Version: 1,
  LTime: ltime,
});

/**
 * A UUID whose halves combined by XOR are the event's index at this agent. Clients of Consul compute that from the id,
 * and compare it with `X-Consul-Index` to tell the events that they have seen. The upper half is a hash of what
 * identifies the event for Serf (name, payload and Lamport time), so it is the same at all agents. Version 8 is the
 * UUID of vendor-specific formats.
 *
 * Source: Consul api/event.go, IDToIndex; api/watch/funcs.go, eventWatch.
 */
function deriveEventId({ name, payload, ltime }: ReceivedUserEvent, index: number): string {
  const upper = createHash('sha256').update(`${ltime}\n${name}\n`).update(payload).digest().subarray(0, 8);
  // An index has at most 53 bits, so the highest bits of both halves are equal: here those of the UUID's variant.
  upper[0] = ((upper[0] as number) & 0x3f) | 0x80;
  upper[6] = ((upper[6] as number) & 0x0f) | 0x80;
  const lower = Buffer.alloc(8);
  lower.writeBigUInt64BE(upper.readBigUInt64BE() ^ BigInt(index));
  const hex = upper.toString('hex') + lower.toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
