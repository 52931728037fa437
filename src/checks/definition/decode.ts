/**
 * Reading JSON as Consul does: keys in any case and with or without `_`, null as good as absent, types exactly
 * right, unknown keys refused by name. What the fields mean is in service.ts and check.ts.
 *
 * Source: Consul agent/http.go, decodeBody; structs service_definition.go and check_type.go, UnmarshalJSON.
 */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { parseDuration } from '../../config/setting.ts';

/** What newer and enterprise clients add and what has no meaning here; compared as `plain` makes keys. */
const IGNORED = new Set(
  [
    'Namespace Partition PeerName Locality Ports SocketPath Token Kind Proxy Connect WriteRequest',
    'SkipNodeUpdate Definition ExposedPort Type CreateIndex ModifyIndex ContentHash Datacenter',
    'ProxyHTTP ProxyGRPC',
  ].flatMap((line) => line.toLowerCase().split(' ')),
);

/** Longer texts are no durations. */
const MAX_DURATION_CHARS = 64;
const NANOS_PER_MILLI = 1e6;
/** What Go can hold: about 292 years. */
const MAX_DURATION: Millis = 2 ** 63 / NANOS_PER_MILLI;

/** One JSON object, by `plain` keys. A value is never null. Prototype-safe: a Map, filled from own keys only. */
export type Fields = ReadonlyMap<string, { readonly key: string; readonly value: unknown }>;

/** `Request decode failed: …`: the request is malformed. */
export const undecodable = (detail: string): AgentError =>
  new AgentError('badRequest', `Request decode failed: ${detail}`);

/** `known` as `plain` makes keys. Of keys that differ only in case the last counts, as in Go. */
export function fieldsOf(value: unknown, what: string, known: ReadonlySet<string>): Fields {
  const fields = new Map<string, { key: string; value: unknown }>();
  for (const [key, field] of entriesOf(value, what)) {
    const name = plain(key);
    if (IGNORED.has(name)) continue;
    if (!known.has(name)) throw undecodable(`json: unknown field ${quoted(key)}`);
    if (field !== null && field !== undefined) fields.set(name, { key, value: field });
  }
  return fields;
}

/** The spellings that are one: `EnableTagOverride`, `enable_tag_override`, `enabletagoverride`. */
export const plain = (key: string): string => key.toLowerCase().replaceAll('_', '');

/** Own keys and values of a JSON object, as data: nothing is looked up by a stranger's key. */
export function entriesOf(value: unknown, what: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw undecodable(`${what} must be an object`);
  return Object.entries(value);
}

/** `''` when absent. */
export function textOf(fields: Fields, name: string): string {
  const field = fields.get(name);
  if (field === undefined) return '';
  return text(field.value, field.key);
}

export function flagOf(fields: Fields, name: string, absent = false): boolean {
  const field = fields.get(name);
  if (field === undefined) return absent;
  if (typeof field.value !== 'boolean') throw undecodable(`${field.key} must be true or false`);
  return field.value;
}

/** 0 when absent. */
export function intOf(fields: Fields, name: string): number {
  const field = fields.get(name);
  if (field === undefined) return 0;
  return integer(field.value, field.key);
}

/** A Go duration, or nanoseconds as a number; 0 when absent or empty. */
export function durationOf(fields: Fields, name: string): Millis {
  const field = fields.get(name);
  if (field === undefined || field.value === '') return 0;
  const millis = millisOf(field.value, field.key);
  if (Math.abs(millis) > MAX_DURATION) throw undecodable(`${field.key} is too long for a duration`);
  return millis;
}

function millisOf(value: unknown, what: string): Millis {
  if (typeof value === 'number') return Math.trunc(value) / NANOS_PER_MILLI;
  if (typeof value !== 'string')
    throw undecodable(`${what} must be a duration such as "30s", or a number of nanoseconds`);
  if (value.length > MAX_DURATION_CHARS) throw undecodable(`${what} is too long for a duration`);
  try {
    return parseDuration(value.replaceAll('μ', 'µ')); // Go takes the Greek letter and the micro sign
  } catch (error) {
    throw undecodable(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Empty when absent. */
export function textsOf(fields: Fields, name: string): string[] {
  const field = fields.get(name);
  return field === undefined ? [] : texts(field.value, field.key);
}

/** A map of texts; empty when absent. */
export function pairsOf(fields: Fields, name: string): Map<string, string> {
  return mapOf(fields, name, text);
}

/** A map of `read` values; keys are data and kept as they are, null values are left out. */
export function mapOf<T>(
  fields: Fields,
  name: string,
  read: (value: unknown, what: string) => T,
): Map<string, T> {
  const out = new Map<string, T>();
  const field = fields.get(name);
  if (field === undefined) return out;
  for (const [key, value] of entriesOf(field.value, field.key))
    if (value !== null) out.set(key, read(value, `${field.key}[${quoted(key)}]`));
  return out;
}

/** The elements of a list that are not null. */
export function listOf(fields: Fields, name: string): unknown[] {
  const field = fields.get(name);
  if (field === undefined) return [];
  if (!Array.isArray(field.value)) throw undecodable(`${field.key} must be a list`);
  return field.value.filter((element) => element !== null);
}

export function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw undecodable(`${what} must be a text`);
  return value;
}

export function integer(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw undecodable(`${what} must be a whole number`);
  return value;
}

export function texts(value: unknown, what: string): string[] {
  if (!Array.isArray(value)) throw undecodable(`${what} must be a list of texts`);
  return value.filter((element) => element !== null).map((element) => text(element, what));
}

/** In quotes, escaped, and short enough for a sentence. */
export const quoted = (value: string): string => JSON.stringify(value.slice(0, 128));
