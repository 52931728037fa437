/**
 * User events for some agents only. Serf's events go to all members and have no field for that, so such an event travels as
 * a plain one under a name of its own, with its filters in front of the payload: agents of Serf pass it on, and none
 * of their handlers runs for it.
 *
 * Source: Consul agent/user_event.go, UserEvent (what it filters by); P77 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { bytes, type MessageOf, str, struct } from './struct.ts';

/** The name of the Serf event is this and the name of the event. */
export const FILTERED_EVENT_PREFIX = 'hearsay:event:';

const FORMAT = 1;

const FilteredPayload = struct('filteredPayload', FORMAT, {
  node: str('n'),
  service: str('s'),
  tag: str('t'),
  payload: bytes('p'),
});

/** RE2 expressions, each of which must match somewhere; `''` matches all. Never give them to `new RegExp`. */
export type EventFilter = Pick<MessageOf<typeof FilteredPayload>, 'node' | 'service' | 'tag'>;

/** An event with its filter, as users see it. */
export interface FilteredEvent {
  readonly name: string;
  readonly payload: Uint8Array;
  readonly filter: EventFilter;
}

export const isFilteredEvent = (serfName: string): boolean => serfName.startsWith(FILTERED_EVENT_PREFIX);

/** The name and payload of the Serf event that carries it. */
export function wrapFilteredEvent({ name, payload, filter }: FilteredEvent): {
  name: string;
  payload: Uint8Array;
} {
  const writer = new MsgpackWriter(64 + payload.length);
  writer.byte(FORMAT);
  FilteredPayload.write(writer, { ...filter, payload });
  return { name: FILTERED_EVENT_PREFIX + name, payload: writer.finish() };
}

/** The inverse, for a name of `isFilteredEvent`. The payload is a view. Throws `WireError`. */
export function unwrapFilteredEvent(serfName: string, encoded: Uint8Array): FilteredEvent {
  const reader = new MsgpackReader(encoded);
  const format = reader.byte();
  if (format !== FORMAT) throw new WireError('unknownType', `format ${format} of a filtered event`);
  const { payload, node, service, tag } = FilteredPayload.read(reader);
  const name = serfName.slice(FILTERED_EVENT_PREFIX.length);
  if (name === '') throw new WireError('badValue', 'a filtered event without a name');
  return { name, payload, filter: { node, service, tag } };
}
