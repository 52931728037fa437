/**
 * The transcript: an agent's decisions as text, one line per effect. Equal lines are equal decisions. Contents appear
 * as checksums or not at all, so whoever may read the recording may read the transcript.
 */
import { crc32 } from 'node:zlib';
import type { CommandValues } from '../agent/contract/commands.ts';
import type { Fact } from '../agent/contract/facts.ts';
import type { Effect } from '../agent/contract/machine.ts';
import type { HandlerEvent } from '../serf/types.ts';
import { isCatalogType } from '../wire/catalog.ts';
import { MESSAGE_TYPE } from '../wire/memberlist.ts';
import { SERF_TYPE } from '../wire/serf.ts';
import { toJson } from './json-codec.ts';
import { hasKeyResponse } from './redact-messages.ts';

const SWIM_KINDS = new Map<number, string>(Object.entries(MESSAGE_TYPE).map(([kind, type]) => [type, kind]));
const SERF_KINDS = new Map<number, string>(Object.entries(SERF_TYPE).map(([kind, type]) => [type, kind]));

type QueryResponse = CommandValues['query']['responses'][number];
type KeyReport = CommandValues['keys'];

/** Fields of command values that no transcript contains: they may quote what is masked, or name keys. */
const OMITTED_VALUE_FIELDS: ReadonlySet<string> = new Set([
  'payload' satisfies keyof CommandValues['fireEvent'] & keyof QueryResponse,
  'messages' satisfies keyof KeyReport,
  'keys' satisfies keyof KeyReport,
  'primaries' satisfies keyof KeyReport,
]);

/** Fields of facts, by kind. */
type FactFields = { readonly [F in Fact as F['kind']]?: readonly Exclude<keyof F, 'kind'>[] };
/** Kinds of facts with a field of one of these names. */
type KindsWith<Name extends string, F = Fact> = F extends { readonly kind: infer Kind extends Fact['kind'] }
  ? Extract<keyof F, Name> extends never
    ? never
    : Kind
  : never;

/**
 * Fields of facts that no transcript contains: an operator's text, and fingerprints of keys, which are masked. A fact
 * with a field of a name that is secret elsewhere does not compile unless it is listed.
 */
const OMITTED_FACT_FIELDS = {
  maintenanceChanged: ['reason'],
  keysChanged: ['key'],
  keyRotationDue: ['key'],
} satisfies FactFields &
  Readonly<
    Record<KindsWith<'output' | 'notes' | 'body' | 'payload' | 'key' | 'keys' | 'primaries'>, unknown>
  >;
/** Fields of facts that a redacted transcript lacks: they may quote a definition, or depend on bytes that were cut. */
const REDACTED_FACT_FIELDS = {
  registrationRefused: ['reason'],
  restoreRejected: ['reason'],
  packetRejected: ['code', 'detail'],
  streamRejected: ['code', 'detail'],
} satisfies FactFields;

/** Keys are named by fingerprint. Those of a replay differ, since its keys are masks. */
const FINGERPRINT = /\b[0-9a-f]{16}\b/g;
const OMITTED = '·';

/** The messages of a datagram that is about to be sealed, masked already: `ping+suspect 87 1f3a90c2`. */
export function formatPacket(messages: readonly Uint8Array[], redacted: boolean): string {
  let crc = 0;
  let bytes = 0;
  for (const message of messages) {
    bytes += message.length;
    if (isComparable(message, redacted)) crc = crc32(message, crc);
  }
  return `${messages.map(formatMessageKind).join('+')} ${bytes} ${toHex(crc)}`;
}

/**
 * A stream's message that is about to be sealed. With redaction without its checksum, since it may quote what is
 * masked.
 */
export const formatStream = (body: Uint8Array, redacted: boolean): string =>
  `${SWIM_KINDS.get(body[0] ?? -1) ?? body[0]} ${body.length}${redacted ? '' : ` ${toHex(crc32(body))}`}`;

/**
 * Is the checksum of a message the same in recording and replay? Not with redacted texts of the catalog, which the
 * replay truncates after they were masked and the recorder before, nor with fingerprints of masked keys.
 */
function isComparable(message: Uint8Array, redacted: boolean): boolean {
  if (message[0] !== MESSAGE_TYPE.user) return true;
  return !(redacted && isCatalogType(message[1] ?? 0)) && !hasKeyResponse(message.subarray(1));
}

const toHex = (crc: number): string => (crc >>> 0).toString(16).padStart(8, '0');

/** `ping`, `ack` …; user messages are `serf:query` or `user:200`. */
function formatMessageKind(message: Uint8Array): string {
  const type = message[0] ?? -1;
  if (type !== MESSAGE_TYPE.user) return SWIM_KINDS.get(type) ?? String(type);
  const userType = message[1] ?? -1;
  const serfKind = SERF_KINDS.get(userType);
  return serfKind === undefined ? `user:${userType}` : `serf:${serfKind}`;
}

/** One effect. `nextSealed` returns the content of the next packet or stream message that the step sealed. */
export function formatEffect(effect: Effect, nextSealed: () => string, redacted: boolean): string {
  const { kind } = effect;
  switch (effect.kind) {
    case 'sendPacket':
      return `${kind} ${effect.to.key} ${nextSealed()}`;
    case 'openStream':
      return `${kind} ${effect.stream} ${effect.to.key}`;
    case 'writeStream':
      return `${kind} ${effect.stream} ${nextSealed()}${effect.end ? ' end' : ''}`;
    case 'closeStream':
    case 'holdStream':
      return `${kind} ${effect.stream}`;
    case 'reply': {
      const { request, result } = effect;
      if (result.ok) return `${kind} ${request}${formatFields({ ok: true, ...(result.value ?? {}) })}`;
      const { code, message } = result.error;
      return redacted
        ? `${kind} ${request} ${code}`
        : `${kind} ${request} ${code}: ${omitFingerprints(message)}`;
    }
    case 'runCheck': {
      const { check, generation, probe, timeout } = effect.run;
      return `${kind} ${check} generation=${generation} kind=${probe.kind} timeout=${timeout}`;
    }
    case 'stopCheck':
      return `${kind} ${effect.check}`;
    case 'startJobRun': {
      const { job, tick, attempt, token, action } = effect.run;
      return `${kind} ${job} tick=${tick} attempt=${attempt} token=${token} kind=${action.kind}`;
    }
    case 'topicsChanged':
      return `${kind} ${effect.topics.join(' ')}`;
    case 'saveSnapshot': {
      // Named one by one: what is added to the snapshot may hold what users registered.
      const {
        incarnation,
        clocks,
        left,
        tags,
        epoch,
        at,
        peers,
        registered,
        external = [],
      } = effect.snapshot;
      const { services = [], checks = [] } = registered ?? {};
      const counts = { peers: peers.length, services: services.length, checks: checks.length };
      const shown = { incarnation, clocks, left, tags, epoch, at, ...counts, external: external.length };
      return `${kind}${formatFields(shown)}`;
    }
    case 'saveCatalog':
      return `${kind} ${effect.bytes.length}`;
    case 'fact':
      return `${kind} ${formatFact(effect.fact, redacted)}`;
    case 'countReaders':
      return `${kind} ${effect.ticket}`;
    case 'storeKeys':
      return `${kind} ${effect.ticket} keys=${effect.keys.length}`;
    case 'notify':
      return `${kind} ${formatHandlerEvent(effect.event)}`;
    case 'stopped':
      return effect.why === undefined ? kind : `${kind}: ${effect.why}`;
  }
}

/** Names only: other effects of the same step have the rest. */
function formatHandlerEvent(event: HandlerEvent): string {
  switch (event.kind) {
    case 'members':
      return `${event.change} ${event.members.map(({ member }) => member.identity.name).join(' ')}`;
    case 'user':
      return `event ${event.event.name}`;
    case 'query':
      return `query ${event.query.name}`;
  }
}

/** `memberSuspected node=bob by=ann incarnation=3`. */
function formatFact(fact: Fact, redacted: boolean): string {
  const { kind, ...fields } = fact;
  const removed = redacted ? fieldsOf(REDACTED_FACT_FIELDS, kind) : NO_FIELDS;
  const shown =
    removed.length === 0
      ? fields
      : Object.fromEntries(Object.entries(fields).filter(([key]) => !removed.includes(key)));
  const omitted = fieldsOf(OMITTED_FACT_FIELDS, kind);
  return `${kind}${omitFingerprints(formatFields(shown, (key) => omitted.includes(key)))}`;
}

const NO_FIELDS: readonly string[] = [];
const fieldsOf = (table: Readonly<Record<string, readonly string[]>>, kind: string): readonly string[] =>
  table[kind] ?? NO_FIELDS;

const omitFingerprints = (text: string): string => text.replace(FINGERPRINT, OMITTED);

/** ` key=value key=value`. */
function formatFields(
  fields: object,
  isOmitted: (key: string) => boolean = (key) => OMITTED_VALUE_FIELDS.has(key),
): string {
  let text = '';
  for (const [key, value] of Object.entries(fields))
    text += ` ${key}=${isOmitted(key) ? OMITTED : formatValue(value)}`;
  return text;
}

function formatValue(value: unknown): string {
  if (value instanceof Uint8Array) return `<${value.length}>`;
  if (Array.isArray(value)) return `[${value.map(formatValue).join(',')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Map || value instanceof Set) return JSON.stringify(toJson(value));
  return `{${formatFields(value).trimStart()}}`;
}
