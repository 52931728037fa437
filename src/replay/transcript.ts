/**
 * What an agent decided, in words: equal words are equal decisions. Contents stand there as checksums or not at all, so
 * words may be shown to anybody who may see the recording.
 */
import { crc32 } from 'node:zlib';
import type { Fact } from '../agent/contract/facts.ts';
import type { Effect } from '../agent/contract/machine.ts';
import type { News } from '../serf/types.ts';
import { isCatalogType } from '../wire/catalog.ts';
import { TYPE } from '../wire/memberlist.ts';
import { SERF_TYPE } from '../wire/serf.ts';
import { toPlain } from './json-codec.ts';
import { speaksOfKeys } from './redact-messages.ts';

const SWIM_KINDS = new Map<number, string>(Object.entries(TYPE).map(([kind, octet]) => [octet, kind]));
const SERF_KINDS = new Map<number, string>(Object.entries(SERF_TYPE).map(([kind, octet]) => [octet, kind]));
/** Said by no recording: they may quote what was masked, or name a key. */
const UNSAID: ReadonlySet<string> = new Set([
  'output',
  'notes',
  'reason',
  'payload',
  'key',
  'keys',
  'primaries',
]);
/** What a redacted recording does not say: it may quote a definition, or tell of octets that were left out. */
const VAGUE: ReadonlyMap<string, readonly string[]> = new Map([
  ['checkRefused', ['why']],
  ['rememberedRefused', ['why']],
  ['packetRejected', ['code', 'detail']],
  ['streamRejected', ['code', 'detail']],
]);
/** Keys are named so; those of a replay are others. */
const FINGERPRINT = /\b[0-9a-f]{16}\b/g;

/** What a datagram says, about to be sealed and masked already: `ping+suspect 87 1f3a90c2`. */
export function packetWords(parts: readonly Uint8Array[], redacted: boolean): string {
  let sum = 0;
  let bytes = 0;
  for (const part of parts) {
    bytes += part.length;
    if (isComparable(part, redacted)) sum = crc32(part, sum);
  }
  return `${parts.map(kindOf).join('+')} ${bytes} ${hex(sum)}`;
}

/** Likewise of a stream; its messages may quote what is masked. */
export const streamWords = (body: Uint8Array, redacted: boolean): string =>
  `${SWIM_KINDS.get(body[0] ?? -1) ?? body[0]} ${body.length}${redacted ? '' : ` ${hex(crc32(body))}`}`;

/** A catalogue's texts are cut after they were masked here, and before there. */
function isComparable(part: Uint8Array, redacted: boolean): boolean {
  if (part[0] !== TYPE.user) return true;
  return !(redacted && isCatalogType(part[1] ?? 0)) && !speaksOfKeys(part.subarray(1));
}

const hex = (sum: number): string => (sum >>> 0).toString(16).padStart(8, '0');

/** `ping`, `ack` …, and user messages as `serf:query` or `user:200`. */
function kindOf(message: Uint8Array): string {
  const type = message[0] ?? -1;
  if (type !== TYPE.user) return SWIM_KINDS.get(type) ?? String(type);
  const inner = message[1] ?? -1;
  const serf = SERF_KINDS.get(inner);
  return serf === undefined ? `user:${inner}` : `serf:${serf}`;
}

/** One effect. `sealed` gives what the next packet or stream of this step says. */
export function effectWords(effect: Effect, sealed: () => string, redacted: boolean): string {
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
      if (result.ok) return `reply ${request}${flat({ ok: true, ...(result.value ?? {}) })}`;
      const { code, message } = result.error;
      return redacted ? `reply ${request} ${code}` : `reply ${request} ${code}: ${nameless(message)}`;
    }
    case 'runCheck': {
      const { check, generation, probe, timeout } = effect.order;
      return `run ${check} generation=${generation} kind=${probe.kind} timeout=${timeout}`;
    }
    case 'changed':
      return `changed ${effect.topics.join(' ')}`;
    case 'remember': {
      const { peers, registered, ...rest } = effect.snapshot;
      const { services = [], checks = [] } = registered ?? {};
      const counts = { peers: peers.length, services: services.length, checks: checks.length };
      return `remember${flat({ ...rest, ...counts })}`;
    }
    case 'rememberCatalog':
      return `rememberCatalog ${effect.bytes.length}`;
    case 'fact':
      return `fact ${factWords(effect.fact, redacted)}`;
    case 'keepKeys':
      return `keepKeys ${effect.ticket} keys=${effect.keys.length}`;
    case 'tell':
      return `tell ${newsWords(effect.news)}`;
    case 'stopped':
      return effect.why === undefined ? 'stopped' : `stopped: ${effect.why}`;
  }
}

/** Names alone: what is told is in other decisions of the same step. */
function newsWords(news: News): string {
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
function factWords(fact: Fact, redacted: boolean): string {
  const { kind, ...fields } = fact as { readonly kind: string };
  const vague = redacted ? VAGUE.get(kind) : undefined;
  const said =
    vague === undefined
      ? fields
      : Object.fromEntries(Object.entries(fields).filter(([key]) => !vague.includes(key)));
  return `${kind}${nameless(flat(said))}`;
}

const nameless = (words: string): string => words.replace(FINGERPRINT, '·');

/** ` key=value key=value`. */
function flat(fields: object): string {
  let words = '';
  for (const [key, value] of Object.entries(fields))
    words += ` ${key}=${UNSAID.has(key) ? '·' : word(value)}`;
  return words;
}

function word(value: unknown): string {
  if (value instanceof Uint8Array) return `<${value.length}>`;
  if (Array.isArray(value)) return `[${value.map(word).join(',')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Map || value instanceof Set) return JSON.stringify(toPlain(value));
  return `{${flat(value).trimStart()}}`;
}
