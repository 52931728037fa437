/**
 * Masks on what travels: keys in the queries that change and list them, and in their answers; payloads of events, queries
 * and answers, and what the catalogue says in words, if that is asked for. A message in which nothing is masked stays the
 * same octets.
 */
import { WireError } from '../base/errors.ts';
import { INTERNAL_QUERY_PREFIX, KEY_QUERIES } from '../serf/queries/names.ts';
import {
  type Deltas,
  decodeCatalog,
  decodeCatalogSnapshot,
  encodeCatalogSnapshot,
  encodeCatalogSyncResponse,
  encodeDelta,
  encodeDeltas,
  isCatalogType,
} from '../wire/catalog.ts';
import type { StreamMessage } from '../wire/memberlist.ts';
import { MESSAGE_TYPE } from '../wire/memberlist.ts';
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
import { decodeStruct } from '../wire/struct.ts';
import type { Masker } from './masks.ts';

type Delta = Deltas['deltas'][number];

const KEY_CHANGES: ReadonlySet<string> = new Set(Object.values(KEY_QUERIES));

/** A bare message, as datagrams carry them. */
export function redactMessage(message: Uint8Array, masks: Masker): Uint8Array {
  if (message[0] !== MESSAGE_TYPE.user) return message;
  const body = message.subarray(1);
  const hidden = redactUserMessage(body, masks);
  if (hidden === body) return message;
  const whole = new Uint8Array(hidden.length + 1);
  whole[0] = MESSAGE_TYPE.user;
  whole.set(hidden, 1);
  return whole;
}

export function redactStream(message: StreamMessage, masks: Masker): StreamMessage {
  switch (message.kind) {
    case 'user':
      return { ...message, body: redactUserMessage(message.body, masks) };
    case 'pushPull':
      return { ...message, userState: redactSerfState(message.userState, masks) };
    default:
      return message;
  }
}

/** The body of a user message: Serf's, or the catalogue's. */
export function redactUserMessage(body: Uint8Array, masks: Masker): Uint8Array {
  try {
    return isCatalogType(body[0] ?? 0) ? redactCatalog(body, masks) : redactSerf(body, masks);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // Nobody can read it, so nothing in it can be masked: it stays, unless it would give something away.
    return masks.redacts || masks.containsKey(body) ? body.subarray(0, 1) : body;
  }
}

function redactSerf(body: Uint8Array, masks: Masker): Uint8Array {
  switch (body[0]) {
    case SERF_TYPE.leave:
    case SERF_TYPE.join:
      return body;
    case SERF_TYPE.userEvent: {
      if (!masks.redacts) return body;
      const event = decodeStruct(UserEvent, body);
      return UserEvent.encode({ ...event, payload: masks.maskPayload(event.payload) });
    }
    case SERF_TYPE.query: {
      const query = decodeStruct(Query, body);
      if (KEY_CHANGES.has(query.name))
        return Query.encode({ ...query, payload: redactKeyRequest(query.payload, masks) });
      if (!masks.redacts || query.name.startsWith(INTERNAL_QUERY_PREFIX)) return body;
      return Query.encode({ ...query, payload: masks.maskPayload(query.payload) });
    }
    case SERF_TYPE.queryResponse: {
      const response = decodeStruct(QueryResponse, body);
      switch (response.payload[0]) {
        case SERF_TYPE.keyResponse:
          return QueryResponse.encode({ ...response, payload: redactKeyResponse(response.payload, masks) });
        case SERF_TYPE.conflictResponse:
          return body;
      }
      if (!masks.redacts) return body;
      return QueryResponse.encode({ ...response, payload: masks.maskPayload(response.payload) });
    }
    case SERF_TYPE.relay: {
      const relay = decodeSerf(body);
      if (relay.kind !== 'relay') return body;
      const inner = redactUserMessage(relay.message, masks);
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
function redactKeyRequest(payload: Uint8Array, masks: Masker): Uint8Array {
  try {
    return KeyRequest.encode({ key: masks.key(decodeStruct(KeyRequest, payload).key) });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return payload.subarray(0, 1);
  }
}

function redactKeyResponse(payload: Uint8Array, masks: Masker): Uint8Array {
  try {
    const response = decodeStruct(KeyResponse, payload);
    const keys = response.keys.map((key) => masks.maskBase64Key(key));
    return KeyResponse.encode({ ...response, keys, primaryKey: masks.maskBase64Key(response.primaryKey) });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return payload.subarray(0, 1);
  }
}

/** Serf's part of a push/pull: the events of late. */
function redactSerfState(state: Uint8Array, masks: Masker): Uint8Array {
  if (!masks.redacts || state.length === 0) return state;
  try {
    const read = decodeStruct(SerfState, state);
    return SerfState.encode({
      ...read,
      events: read.events.map((bucket) =>
        bucket === undefined
          ? undefined
          : {
              ...bucket,
              events: bucket.events.map((one) => ({ ...one, payload: masks.maskPayload(one.payload) })),
            },
      ),
    });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return state.subarray(0, 1);
  }
}

function redactCatalog(body: Uint8Array, masks: Masker): Uint8Array {
  if (!masks.redacts) return body;
  const message = decodeCatalog(body);
  switch (message.kind) {
    case 'delta':
      return encodeDelta(redactDelta(message, masks));
    case 'deltas':
      return encodeDeltas(message.deltas.map((delta) => redactDelta(delta, masks)));
    case 'catalogSyncResponse':
      return encodeCatalogSyncResponse({
        ...message,
        deltas: message.deltas.map((delta) => redactDelta(delta, masks)),
      });
    default:
      return body;
  }
}

function redactDelta(delta: Delta, masks: Masker): Delta {
  const entries = delta.entries.map((entry) => {
    const { value } = entry;
    if (value === undefined) return entry;
    if (value.kind === 'check') {
      const [notes, output] = [masks.maskText(value.notes), masks.maskText(value.output)];
      return { ...entry, value: { ...value, notes, output } };
    }
    const meta = new Map([...value.meta].map(([key, text]) => [key, masks.maskText(text)]));
    return { ...entry, value: { ...value, meta } };
  });
  return { ...delta, entries };
}

/** What was remembered of others' services. */
export function redactCatalogSnapshot(bytes: Uint8Array, masks: Masker): Uint8Array {
  if (!masks.redacts) return bytes;
  try {
    const memory = decodeCatalogSnapshot(bytes);
    return encodeCatalogSnapshot({
      ...memory,
      ledgers: memory.ledgers.map((delta) => redactDelta(delta, masks)),
    });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return bytes.subarray(0, 1);
  }
}

/** Does it tell of keys? Its words differ from agent to agent of a recording, by the fingerprints in them. */
export function hasKeyResponse(body: Uint8Array): boolean {
  if (body[0] !== SERF_TYPE.queryResponse && body[0] !== SERF_TYPE.relay) return false;
  try {
    const message = decodeSerf(body);
    if (message.kind === 'relay') return hasKeyResponse(message.message);
    return message.kind === 'queryResponse' && message.payload[0] === SERF_TYPE.keyResponse;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return false;
  }
}
