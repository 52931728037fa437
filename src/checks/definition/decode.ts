/**
 * Decodes JSON as Consul does: keys in any case, with or without `_`; null counts as absent; types are strict; unknown
 * keys are refused. The meaning of the fields is in service.ts and check.ts.
 *
 * Source: Consul agent/http.go, decodeBody; structs service_definition.go and check_type.go, UnmarshalJSON.
 */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { parseDuration } from '../../config/setting.ts';

/** Fields of newer and enterprise clients that have no meaning here; keys as `normalizeKey` writes them. */
const IGNORED = new Set(
  [
    'Namespace Partition PeerName Locality Ports SocketPath Token Kind Proxy Connect WriteRequest',
    'SkipNodeUpdate Definition ExposedPort Type CreateIndex ModifyIndex ContentHash Datacenter',
    'ProxyHTTP ProxyGRPC',
  ].flatMap((line) => line.toLowerCase().split(' ')),
);

/** No duration takes more. */
const MAX_DURATION_CHARS = 64;
const NANOS_PER_MILLI = 1e6;
/** The longest duration in Go: about 292 years. */
const MAX_DURATION: Millis = 2 ** 63 / NANOS_PER_MILLI;

/**
 * The fields of a JSON object by normalized key. No value is null. A Map of own keys, so that no key reaches a
 * prototype.
 */
export type Fields = ReadonlyMap<string, { readonly key: string; readonly value: unknown }>;

/** For a malformed request. */
export const requestDecodeError = (detail: string): AgentError =>
  new AgentError('badRequest', `Request decode failed: ${detail}`);

/** `known`: normalized keys. Of keys that differ only in case the last counts, as in Go. */
export function toFields(value: unknown, what: string, known: ReadonlySet<string>): Fields {
  const fields = new Map<string, { key: string; value: unknown }>();
  for (const [key, field] of objectEntries(value, what)) {
    const name = normalizeKey(key);
    if (IGNORED.has(name)) continue;
    if (!known.has(name)) throw requestDecodeError(`json: unknown field ${quoted(key)}`);
    if (field !== null && field !== undefined) fields.set(name, { key, value: field });
  }
  return fields;
}

/** `EnableTagOverride`, `enable_tag_override` and `enabletagoverride` are one key. */
export const normalizeKey = (key: string): string => key.toLowerCase().replaceAll('_', '');

/** The own keys and values of a JSON object. */
export function objectEntries(value: unknown, what: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw requestDecodeError(`${what} must be an object`);
  return Object.entries(value);
}

/** `''` when absent. */
export function stringField(fields: Fields, name: string): string {
  const field = fields.get(name);
  if (field === undefined) return '';
  return expectString(field.value, field.key);
}

export function booleanField(fields: Fields, name: string, absent = false): boolean {
  const field = fields.get(name);
  if (field === undefined) return absent;
  if (typeof field.value !== 'boolean') throw requestDecodeError(`${field.key} must be true or false`);
  return field.value;
}

/** 0 when absent. */
export function integerField(fields: Fields, name: string): number {
  const field = fields.get(name);
  if (field === undefined) return 0;
  return expectInteger(field.value, field.key);
}

/** A Go duration, or nanoseconds as a number; 0 when absent or empty. */
export function durationField(fields: Fields, name: string): Millis {
  const field = fields.get(name);
  if (field === undefined || field.value === '') return 0;
  const millis = toMillis(field.value, field.key);
  if (Math.abs(millis) > MAX_DURATION) throw requestDecodeError(`${field.key} is too long for a duration`);
  return millis;
}

function toMillis(value: unknown, what: string): Millis {
  if (typeof value === 'number') return Math.trunc(value) / NANOS_PER_MILLI;
  if (typeof value !== 'string')
    throw requestDecodeError(`${what} must be a duration such as "30s", or a number of nanoseconds`);
  if (value.length > MAX_DURATION_CHARS) throw requestDecodeError(`${what} is too long for a duration`);
  try {
    return parseDuration(value.replaceAll('μ', 'µ')); // Go takes the Greek letter and the micro sign
  } catch (error) {
    throw requestDecodeError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Empty when absent. */
export function stringListField(fields: Fields, name: string): string[] {
  const field = fields.get(name);
  return field === undefined ? [] : expectStringList(field.value, field.key);
}

/** Empty when absent. */
export function stringMapField(fields: Fields, name: string): Map<string, string> {
  return mapField(fields, name, expectString);
}

/** A map whose values `read` decodes. Its keys are data and stay as they are; null values are left out. */
export function mapField<T>(
  fields: Fields,
  name: string,
  read: (value: unknown, what: string) => T,
): Map<string, T> {
  const out = new Map<string, T>();
  const field = fields.get(name);
  if (field === undefined) return out;
  for (const [key, value] of objectEntries(field.value, field.key))
    if (value !== null) out.set(key, read(value, `${field.key}[${quoted(key)}]`));
  return out;
}

/** The elements of a list that are not null. */
export function listField(fields: Fields, name: string): unknown[] {
  const field = fields.get(name);
  if (field === undefined) return [];
  if (!Array.isArray(field.value)) throw requestDecodeError(`${field.key} must be a list`);
  return field.value.filter((element) => element !== null);
}

export function expectString(value: unknown, what: string): string {
  if (typeof value !== 'string') throw requestDecodeError(`${what} must be a string`);
  return value;
}

export function expectInteger(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw requestDecodeError(`${what} must be a whole number`);
  return value;
}

export function expectStringList(value: unknown, what: string): string[] {
  if (!Array.isArray(value)) throw requestDecodeError(`${what} must be a list of strings`);
  return value.filter((element) => element !== null).map((element) => expectString(element, what));
}

/** In quotes, escaped and truncated, for an error message. */
export const quoted = (value: string): string => JSON.stringify(value.slice(0, 128));
