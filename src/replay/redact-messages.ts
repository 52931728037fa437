/**
 * Masks on what travels: keys in the queries that change and list them, and in their answers; payloads of events, queries
 * and answers, and what the catalogue says in words, if that is asked for. A message in which nothing is masked stays the
 * same octets.
 */
import { WireError } from '../base/errors.ts';
import { INTERNAL, KEY_QUERIES } from '../serf/queries/names.ts';
import {
  type Deltas,
  decodeCatalog,
  decodeMemory,
  encodeDelta,
  encodeDeltas,
  encodeMemory,
  encodeSyncAnswer,
  isCatalogType,
} from '../wire/catalog.ts';
import type { StreamMessage } from '../wire/memberlist.ts';
import { TYPE } from '../wire/memberlist.ts';
import {
  decodeSerf,
  KeyRequest,
  KeyResponse,
  Query,
  QueryResponse,
  SERF_TYPE,
  SerfState,
  UserEvent,
} from '../wire/serf.ts';
import { decode } from '../wire/struct.ts';
import type { Masks } from './masks.ts';

type Delta = Deltas['deltas'][number];

const KEY_CHANGES: ReadonlySet<string> = new Set(Object.values(KEY_QUERIES));

/** A bare message, as datagrams carry them. */
export function hideMessage(message: Uint8Array, masks: Masks): Uint8Array {
  if (message[0] !== TYPE.user) return message;
  const body = message.subarray(1);
  const hidden = hideUser(body, masks);
  if (hidden === body) return message;
  const whole = new Uint8Array(hidden.length + 1);
  whole[0] = TYPE.user;
  whole.set(hidden, 1);
  return whole;
}

export function hideStream(message: StreamMessage, masks: Masks): StreamMessage {
  switch (message.kind) {
    case 'user':
      return { ...message, body: hideUser(message.body, masks) };
    case 'pushPull':
      return { ...message, userState: hideState(message.userState, masks) };
    default:
      return message;
  }
}

/** The body of a user message: Serf's, or the catalogue's. */
export function hideUser(body: Uint8Array, masks: Masks): Uint8Array {
  try {
    return isCatalogType(body[0] ?? 0) ? hideCatalog(body, masks) : hideSerf(body, masks);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // Nobody can read it, so nothing in it can be masked: it stays, unless it would give something away.
    return masks.redacts || masks.gives(body) ? body.subarray(0, 1) : body;
  }
}

function hideSerf(body: Uint8Array, masks: Masks): Uint8Array {
  switch (body[0]) {
    case SERF_TYPE.leave:
    case SERF_TYPE.join:
      return body;
    case SERF_TYPE.userEvent: {
      if (!masks.redacts) return body;
      const event = decode(UserEvent, body);
      return UserEvent.encode({ ...event, payload: masks.payload(event.payload) });
    }
    case SERF_TYPE.query: {
      const query = decode(Query, body);
      if (KEY_CHANGES.has(query.name))
        return Query.encode({ ...query, payload: hideKeyRequest(query.payload, masks) });
      if (!masks.redacts || query.name.startsWith(INTERNAL)) return body;
      return Query.encode({ ...query, payload: masks.payload(query.payload) });
    }
    case SERF_TYPE.queryResponse: {
      const response = decode(QueryResponse, body);
      switch (response.payload[0]) {
        case SERF_TYPE.keyResponse:
          return QueryResponse.encode({ ...response, payload: hideKeyResponse(response.payload, masks) });
        case SERF_TYPE.conflictResponse:
          return body;
      }
      if (!masks.redacts) return body;
      return QueryResponse.encode({ ...response, payload: masks.payload(response.payload) });
    }
    case SERF_TYPE.relay: {
      const relay = decodeSerf(body);
      if (relay.kind !== 'relay') return body;
      const inner = hideUser(relay.message, masks);
      if (inner === relay.message) return body;
      const whole = new Uint8Array(body.length - relay.message.length + inner.length);
      whole.set(body.subarray(0, body.length - relay.message.length));
      whole.set(inner, whole.length - inner.length);
      return whole;
    }
    default:
      return body.subarray(0, 1); // no more of it is ever read
  }
}

/** Some of it cannot be read: then all of it is masked, and it stays unreadable. */
function hideKeyRequest(payload: Uint8Array, masks: Masks): Uint8Array {
  try {
    return KeyRequest.encode({ key: masks.key(decode(KeyRequest, payload).key) });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return payload.subarray(0, 1);
  }
}

function hideKeyResponse(payload: Uint8Array, masks: Masks): Uint8Array {
  try {
    const response = decode(KeyResponse, payload);
    const keys = response.keys.map((key) => masks.base64Key(key));
    return KeyResponse.encode({ ...response, keys, primaryKey: masks.base64Key(response.primaryKey) });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return payload.subarray(0, 1);
  }
}

/** Serf's part of a push/pull: the events of late. */
function hideState(state: Uint8Array, masks: Masks): Uint8Array {
  if (!masks.redacts || state.length === 0) return state;
  try {
    const read = decode(SerfState, state);
    return SerfState.encode({
      ...read,
      events: read.events.map((bucket) =>
        bucket === undefined
          ? undefined
          : {
              ...bucket,
              events: bucket.events.map((one) => ({ ...one, payload: masks.payload(one.payload) })),
            },
      ),
    });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return state.subarray(0, 1);
  }
}

function hideCatalog(body: Uint8Array, masks: Masks): Uint8Array {
  if (!masks.redacts) return body;
  const message = decodeCatalog(body);
  switch (message.kind) {
    case 'delta':
      return encodeDelta(hideDelta(message, masks));
    case 'deltas':
      return encodeDeltas(message.deltas.map((delta) => hideDelta(delta, masks)));
    case 'syncAnswer':
      return encodeSyncAnswer({ ...message, deltas: message.deltas.map((delta) => hideDelta(delta, masks)) });
    default:
      return body;
  }
}

function hideDelta(delta: Delta, masks: Masks): Delta {
  const entries = delta.entries.map((entry) => {
    const { value } = entry;
    if (value === undefined) return entry;
    if (value.kind === 'check') {
      const [notes, output] = [masks.text(value.notes), masks.text(value.output)];
      return { ...entry, value: { ...value, notes, output } };
    }
    const meta = new Map([...value.meta].map(([key, text]) => [key, masks.text(text)]));
    return { ...entry, value: { ...value, meta } };
  });
  return { ...delta, entries };
}

/** What was remembered of others' services. */
export function hideMemory(bytes: Uint8Array, masks: Masks): Uint8Array {
  if (!masks.redacts) return bytes;
  try {
    const memory = decodeMemory(bytes);
    return encodeMemory({ ...memory, ledgers: memory.ledgers.map((delta) => hideDelta(delta, masks)) });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return bytes.subarray(0, 1);
  }
}

/** Does it tell of keys? Its words differ from agent to agent of a recording, by the fingerprints in them. */
export function speaksOfKeys(body: Uint8Array): boolean {
  if (body[0] !== SERF_TYPE.queryResponse && body[0] !== SERF_TYPE.relay) return false;
  try {
    const message = decodeSerf(body);
    if (message.kind === 'relay') return speaksOfKeys(message.message);
    return message.kind === 'queryResponse' && message.payload[0] === SERF_TYPE.keyResponse;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return false;
  }
}
