/**
 * What an agent decided, in words: equal words are equal decisions. Contents stand there as checksums or not at all, so
 * words may be shown to anybody who may see the recording.
 */
import { crc32 } from 'node:zlib';
import type { Fact } from '../agent/contract/facts.ts';
import type { Effect } from '../agent/contract/machine.ts';
import type { HandlerEvent } from '../serf/types.ts';
import { isCatalogType } from '../wire/catalog.ts';
import { MESSAGE_TYPE } from '../wire/memberlist.ts';
import { SERF_TYPE } from '../wire/serf.ts';
import { toJson } from './json-codec.ts';
import { hasKeyResponse } from './redact-messages.ts';

const SWIM_KINDS = new Map<number, string>(
  Object.entries(MESSAGE_TYPE).map(([kind, octet]) => [octet, kind]),
);
const SERF_KINDS = new Map<number, string>(Object.entries(SERF_TYPE).map(([kind, octet]) => [octet, kind]));
/** Said by no recording: they may quote what was masked, or name a key. */
const OMITTED_FIELDS: ReadonlySet<string> = new Set([
  'output',
  'notes',
  'reason',
  'payload',
  'key',
  'keys',
  'primaries',
]);
/** A fact's reason is in the agent's own words, unless an operator gave it. */
const OMITTED_REASON_FIELDS: ReadonlySet<string> = new Set(
  [...OMITTED_FIELDS].filter((field) => field !== 'reason'),
);
/** What a redacted recording does not say: it may quote a definition, or tell of octets that were left out. */
const REDACTED_FACT_FIELDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['registrationRefused', ['reason']],
  ['restoreRejected', ['reason']],
  ['packetRejected', ['code', 'detail']],
  ['streamRejected', ['code', 'detail']],
]);
/** Keys are named so; those of a replay are others. */
const FINGERPRINT = /\b[0-9a-f]{16}\b/g;

/** What a datagram says, about to be sealed and masked already: `ping+suspect 87 1f3a90c2`. */
export function formatPacket(parts: readonly Uint8Array[], redacted: boolean): string {
  let sum = 0;
  let bytes = 0;
  for (const part of parts) {
    bytes += part.length;
    if (isComparable(part, redacted)) sum = crc32(part, sum);
  }
  return `${parts.map(formatMessageKind).join('+')} ${bytes} ${hex(sum)}`;
}

/** Likewise of a stream; its messages may quote what is masked. */
export const formatStream = (body: Uint8Array, redacted: boolean): string =>
  `${SWIM_KINDS.get(body[0] ?? -1) ?? body[0]} ${body.length}${redacted ? '' : ` ${hex(crc32(body))}`}`;

/** A catalogue's texts are cut after they were masked here, and before there. */
function isComparable(part: Uint8Array, redacted: boolean): boolean {
  if (part[0] !== MESSAGE_TYPE.user) return true;
  return !(redacted && isCatalogType(part[1] ?? 0)) && !hasKeyResponse(part.subarray(1));
}

const hex = (sum: number): string => (sum >>> 0).toString(16).padStart(8, '0');

/** `ping`, `ack` …, and user messages as `serf:query` or `user:200`. */
function formatMessageKind(message: Uint8Array): string {
  const type = message[0] ?? -1;
  if (type !== MESSAGE_TYPE.user) return SWIM_KINDS.get(type) ?? String(type);
  const inner = message[1] ?? -1;
  const serf = SERF_KINDS.get(inner);
  return serf === undefined ? `user:${inner}` : `serf:${serf}`;
}

/** One effect. `sealed` gives what the next packet or stream of this step says. */
export function formatEffect(effect: Effect, sealed: () => string, redacted: boolean): string {
  switch (effect.kind) {
    case 'sendPacket':
      return `packet ${effect.to.key} ${sealed()}`;
    case 'openStream':
      return `open ${effect.stream} ${effect.to.key}`;
    case 'writeStream':
      return `write ${effect.stream} ${sealed()}${effect.end ? ' end' : ''}`;
    case 'closeStream':
      return `close ${effect.stream}`;
    case 'reply': {
      const { request, result } = effect;
      if (result.ok) return `reply ${request}${formatFields({ ok: true, ...(result.value ?? {}) })}`;
      const { code, message } = result.error;
      return redacted ? `reply ${request} ${code}` : `reply ${request} ${code}: ${maskFingerprints(message)}`;
    }
    case 'runCheck': {
      const { check, generation, probe, timeout } = effect.run;
      return `run ${check} generation=${generation} kind=${probe.kind} timeout=${timeout}`;
    }
    case 'topicsChanged':
      return `changed ${effect.topics.join(' ')}`;
    case 'saveSnapshot': {
      const { peers, registered, ...rest } = effect.snapshot;
      const { services = [], checks = [] } = registered ?? {};
      const counts = { peers: peers.length, services: services.length, checks: checks.length };
      return `remember${formatFields({ ...rest, ...counts })}`;
    }
    case 'saveCatalog':
      return `rememberCatalog ${effect.bytes.length}`;
    case 'fact':
      return `fact ${formatFact(effect.fact, redacted)}`;
    case 'storeKeys':
      return `keepKeys ${effect.ticket} keys=${effect.keys.length}`;
    case 'notify':
      return `tell ${formatNews(effect.event)}`;
    case 'stopped':
      return effect.why === undefined ? 'stopped' : `stopped: ${effect.why}`;
  }
}

/** Names alone: what is told is in other decisions of the same step. */
function formatNews(news: HandlerEvent): string {
  switch (news.kind) {
    case 'members':
      return `${news.change} ${news.members.map(({ member }) => member.identity.name).join(' ')}`;
    case 'user':
      return `event ${news.event.name}`;
    case 'query':
      return `query ${news.query.name}`;
  }
}

/** `memberSuspected node=bob by=ann incarnation=3`. */
function formatFact(fact: Fact, redacted: boolean): string {
  const { kind, ...fields } = fact as { readonly kind: string; readonly reason?: unknown };
  const hasOwnReason = typeof fields.reason === 'string' && kind !== 'maintenanceChanged';
  const vague = redacted ? REDACTED_FACT_FIELDS.get(kind) : undefined;
  const said =
    vague === undefined
      ? fields
      : Object.fromEntries(Object.entries(fields).filter(([key]) => !vague.includes(key)));
  return `${kind}${maskFingerprints(formatFields(said, hasOwnReason ? OMITTED_REASON_FIELDS : OMITTED_FIELDS))}`;
}

const maskFingerprints = (words: string): string => words.replace(FINGERPRINT, '·');

/** ` key=value key=value`. */
function formatFields(fields: object, omitted = OMITTED_FIELDS): string {
  let words = '';
  for (const [key, value] of Object.entries(fields))
    words += ` ${key}=${omitted.has(key) ? '·' : formatValue(value)}`;
  return words;
}

function formatValue(value: unknown): string {
  if (value instanceof Uint8Array) return `<${value.length}>`;
  if (Array.isArray(value)) return `[${value.map(formatValue).join(',')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Map || value instanceof Set) return JSON.stringify(toJson(value));
  return `{${formatFields(value).trimStart()}}`;
}
