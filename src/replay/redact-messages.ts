/**
 * Redaction of messages on the wire. Keys are masked in key queries and their responses; with redaction also payloads
 * of events, queries and responses, and the catalog's texts. A message without masks keeps its bytes.
 */
import { concatBytes } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import { JOBS_SERVICE } from '../model/job-entries.ts';
import type { External } from '../model/service.ts';
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
import { isClockType } from '../wire/clock.ts';
import { isFilteredEvent, unwrapFilteredEvent, wrapFilteredEvent } from '../wire/event-filter.ts';
import { isLinkType } from '../wire/links.ts';
import { MESSAGE_TYPE, type StreamMessage } from '../wire/memberlist.ts';
import { isPauseType } from '../wire/pause.ts';
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
import { isTableType } from '../wire/table.ts';
import { isWatchType } from '../wire/watch.ts';
import type { Masker } from './masks.ts';

type Delta = Deltas['deltas'][number];

const KEY_QUERY_NAMES: ReadonlySet<string> = new Set(Object.values(KEY_QUERIES));

/** A message out of a datagram: a type byte and a body. */
export function redactMessage(message: Uint8Array, masker: Masker): Uint8Array {
  if (message[0] !== MESSAGE_TYPE.user) return message;
  const body = message.subarray(1);
  const redacted = redactUserMessage(body, masker);
  if (redacted === body) return message;
  const result = new Uint8Array(redacted.length + 1);
  result[0] = MESSAGE_TYPE.user;
  result.set(redacted, 1);
  return result;
}

export function redactStream(message: StreamMessage, masker: Masker): StreamMessage {
  switch (message.kind) {
    case 'user':
      return { ...message, body: redactUserMessage(message.body, masker) };
    case 'pushPull':
      return { ...message, userState: redactSerfState(message.userState, masker) };
    default:
      return message;
  }
}

/** Messages of names, times and digests alone, which are not masked elsewhere either. */
const WITHOUT_SECRETS = [isPauseType, isWatchType, isLinkType, isClockType, isTableType];

/** The body of a user message. */
export function redactUserMessage(body: Uint8Array, masker: Masker): Uint8Array {
  const type = body[0] ?? 0;
  if (WITHOUT_SECRETS.some((isType) => isType(type))) return body;
  try {
    return isCatalogType(body[0] ?? 0) ? redactCatalog(body, masker) : redactSerf(body, masker);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // Nothing can be masked in an unreadable message. It is kept unless it could leak a secret.
    return masker.redacts || masker.containsKey(body) ? body.subarray(0, 1) : body;
  }
}

function redactSerf(body: Uint8Array, masker: Masker): Uint8Array {
  switch (body[0]) {
    case SERF_TYPE.leave:
    case SERF_TYPE.join:
      return body;
    case SERF_TYPE.userEvent: {
      if (!masker.redacts) return body;
      const event = decodeStruct(UserEvent, body);
      return UserEvent.encode({ ...event, payload: redactEventPayload(event.name, event.payload, masker) });
    }
    case SERF_TYPE.query: {
      const query = decodeStruct(Query, body);
      if (KEY_QUERY_NAMES.has(query.name))
        return Query.encode({ ...query, payload: redactKeyRequest(query.payload, masker) });
      if (!masker.redacts || query.name.startsWith(INTERNAL_QUERY_PREFIX)) return body;
      return Query.encode({ ...query, payload: masker.maskPayload(query.payload) });
    }
    case SERF_TYPE.queryResponse: {
      const response = decodeStruct(QueryResponse, body);
      switch (response.payload[0]) {
        case SERF_TYPE.keyResponse:
          return QueryResponse.encode({ ...response, payload: redactKeyResponse(response.payload, masker) });
        case SERF_TYPE.conflictResponse:
          return body;
      }
      if (!masker.redacts) return body;
      return QueryResponse.encode({ ...response, payload: masker.maskPayload(response.payload) });
    }
    case SERF_TYPE.relay: {
      const relay = decodeSerf(body);
      if (relay.kind !== 'relay') return body;
      const inner = redactUserMessage(relay.message, masker);
      if (inner === relay.message) return body;
      const header = body.subarray(0, body.length - relay.message.length);
      return concatBytes([header, inner]);
    }
    default:
      return body.subarray(0, 1); // the agent reads no more of an unknown type
  }
}

/** The filters in front of the payload decide where the event is delivered, and stay. */
function redactEventPayload(name: string, payload: Uint8Array, masker: Masker): Uint8Array {
  if (!isFilteredEvent(name)) return masker.maskPayload(payload);
  try {
    const event = unwrapFilteredEvent(name, payload);
    return wrapFilteredEvent({ ...event, payload: masker.maskPayload(event.payload) }).payload;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return payload.subarray(0, 1);
  }
}

/** An unreadable request is cut to one byte, which stays unreadable. */
function redactKeyRequest(payload: Uint8Array, masker: Masker): Uint8Array {
  try {
    return KeyRequest.encode({ key: masker.maskKey(decodeStruct(KeyRequest, payload).key) });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return payload.subarray(0, 1);
  }
}

function redactKeyResponse(payload: Uint8Array, masker: Masker): Uint8Array {
  try {
    const response = decodeStruct(KeyResponse, payload);
    const keys = response.keys.map((key) => masker.maskBase64Key(key));
    return KeyResponse.encode({ ...response, keys, primaryKey: masker.maskBase64Key(response.primaryKey) });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return payload.subarray(0, 1);
  }
}

/** Serf's part of a push/pull, which has the payloads of recent user events. */
function redactSerfState(state: Uint8Array, masker: Masker): Uint8Array {
  if (!masker.redacts || state.length === 0) return state;
  try {
    const read = decodeStruct(SerfState, state);
    return SerfState.encode({
      ...read,
      events: read.events.map((bucket) =>
        bucket === undefined
          ? undefined
          : {
              ...bucket,
              events: bucket.events.map((event) => ({
                ...event,
                payload: redactEventPayload(event.name, event.payload, masker),
              })),
            },
      ),
    });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return state.subarray(0, 1);
  }
}

function redactCatalog(body: Uint8Array, masker: Masker): Uint8Array {
  if (!masker.redacts) return body;
  const message = decodeCatalog(body);
  switch (message.kind) {
    case 'delta':
      return encodeDelta(redactDelta(message, masker));
    case 'deltas':
      return encodeDeltas(message.deltas.map((delta) => redactDelta(delta, masker)));
    case 'catalogSyncResponse':
      return encodeCatalogSyncResponse({
        ...message,
        deltas: message.deltas.map((delta) => redactDelta(delta, masker)),
      });
    default:
      return body;
  }
}

function redactDelta(delta: Delta, masker: Masker): Delta {
  const entries = delta.entries.map((entry) => {
    const { value } = entry;
    if (value === undefined) return entry;
    if (value.kind !== 'external') return { ...entry, value: redactPublished(value, masker) };
    return { ...entry, value: { ...value, value: redactPublished(value.value, masker) } };
  });
  return { ...delta, entries };
}

function redactPublished<V extends External['value']>(value: V, masker: Masker): V {
  if (value.kind === 'check')
    return {
      ...value,
      notes: value.serviceId === JOBS_SERVICE ? redactJob(value.notes, masker) : masker.maskText(value.notes),
      output: masker.maskText(value.output),
    };
  const meta = new Map([...value.meta].map(([key, text]) => [key, masker.maskText(text)]));
  return { ...value, meta };
}

/** Masks the path of a job's URL. All else stays, since agents decide by it who runs the job. */
const redactJob = (notes: string, masker: Masker): string =>
  notes.replace(JOB_URL, (_, origin: string, path: string) => `${origin}${masker.maskText(path)}"`);
const JOB_URL = /("post":"https?:\/\/[^/?#"]*[/?#])((?:[^"\\]|\\.)*)"/;

/** A catalog snapshot as saved on disk. */
export function redactCatalogSnapshot(bytes: Uint8Array, masker: Masker): Uint8Array {
  if (!masker.redacts) return bytes;
  try {
    const snapshot = decodeCatalogSnapshot(bytes);
    return encodeCatalogSnapshot({
      ...snapshot,
      ledgers: snapshot.ledgers.map((delta) => redactDelta(delta, masker)),
    });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return bytes.subarray(0, 1);
  }
}

/** Is it a key response? Its text names keys by fingerprint, and masked keys have other fingerprints. */
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
