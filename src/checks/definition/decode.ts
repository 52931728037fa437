/**
 * Decodes JSON as Consul does: keys in any case, with or without `_`; null counts as absent; types are strict; unknown
 * keys are refused. The meaning of the fields is in service.ts and check.ts.
 *
 * Source: Consul agent/http.go, decodeBody; structs service_definition.go and check_type.go, UnmarshalJSON.
 */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { suggestSimilar } from '../../config/names.ts';
import { parseDuration } from '../../config/setting.ts';

/** No duration takes more. */
const MAX_DURATION_CHARS = 64;
const NANOS_PER_MILLI = 1e6;
/** The longest duration in Go: about 292 years. */
const MAX_DURATION: Millis = 2 ** 63 / NANOS_PER_MILLI;

/** The keys and positions from a parsed value down to one of its fields, as the author wrote them. */
export type FieldPath = readonly (string | number)[];

/** An invalid field of a registration. `clause` is the message for a file, where file, line and key stand before it. */
export class FieldError extends AgentError {
  readonly path: FieldPath;
  readonly clause: string;

  constructor(message: string, path: FieldPath, clause = withoutPrefix(message)) {
    super('badRequest', message);
    this.path = path;
    this.clause = clause;
  }
}

/** Consul's API begins its messages with these. */
const withoutPrefix = (message: string): string =>
  message.replace(/^(?:Request decode failed: (?:json: )?|Invalid check: )/, '');

interface Field {
  readonly key: string;
  readonly value: unknown;
  readonly path: FieldPath;
}

/** The fields of a JSON object by normalized key. No value is null. A Map of own keys, so that no key reaches a prototype. */
export class Fields {
  /** The path to the object. */
  readonly path: FieldPath;
  readonly #fields: ReadonlyMap<string, Field>;
  readonly #known: KeySet;
  readonly #read = new Set<string>();

  constructor(path: FieldPath, fields: ReadonlyMap<string, Field>, known: KeySet) {
    this.path = path;
    this.#fields = fields;
    this.#known = known;
  }

  /** The field, which counts as read from now on. */
  get(name: string): Field | undefined {
    this.#read.add(name);
    return this.#fields.get(name);
  }

  /** The same fields, of which reading marks none as read. */
  peek(): Fields {
    return new Fields(this.path, this.#fields, this.#known);
  }

  /** The fields that nobody has read: what the definition does not keep. */
  unread(): readonly (Field & { readonly name: string })[] {
    return [...this.#fields]
      .filter(([name]) => !this.#read.has(name))
      .map(([name, field]) => ({ ...field, name }));
  }

  /** How a known key is written in files. */
  spelling(name: string): string {
    return this.#known.get(name) ?? name;
  }

  values(): readonly unknown[] {
    return [...this.#fields.values()].map(({ value }) => value);
  }
}

/** For a malformed request. */
export const requestDecodeError = (detail: string, path: FieldPath = [], clause = detail): FieldError =>
  new FieldError(`Request decode failed: ${detail}`, path, clause);

/**
 * `known`: keys in snake case, as `keySet` makes them. Of keys that differ only in case the last counts, as in Go. `path`
 * leads to `value`. `foreign`: keys that are accepted beside the known ones, which nobody suggests.
 */
export function toFields(
  value: unknown,
  what: string,
  known: KeySet,
  path: FieldPath = [],
  foreign: ReadonlySet<string> = NONE,
): Fields {
  const fields = new Map<string, Field>();
  for (const [key, field] of objectEntries(value, what, path)) {
    const name = normalizeKey(key);
    if (!known.has(name) && !foreign.has(name)) throw unknownFieldError(key, known, [...path, key]);
    if (field !== null && field !== undefined) fields.set(name, { key, value: field, path: [...path, key] });
  }
  return new Fields(path, fields, known);
}

const NONE: ReadonlySet<string> = new Set();

/** By normalized key, how the key is written in files. */
export type KeySet = ReadonlyMap<string, string>;

/** `keys` are separated by blanks. */
export const keySet = (keys: string): KeySet =>
  new Map(keys.split(' ').map((key) => [normalizeKey(key), key]));

export function unknownFieldError(key: string, known: KeySet, path: FieldPath): FieldError {
  const meant = suggestSimilar(key, known.values());
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return requestDecodeError(`json: unknown field ${quoted(key)}${hint}`, path, `no such field${hint}`);
}

/** Runs `read`; what it refuses is refused in the field `name`, or in the whole object if that is absent. */
export function inField<T>(fields: Fields, name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FieldError || !(error instanceof AgentError)) throw error;
    throw new FieldError(error.message, fields.get(name)?.path ?? fields.path);
  }
}

/** `EnableTagOverride`, `enable_tag_override` and `enabletagoverride` are one key. */
export const normalizeKey = (key: string): string => key.toLowerCase().replaceAll('_', '');

/** The own keys and values of a JSON object. */
export function objectEntries(value: unknown, what: string, path: FieldPath): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw requestDecodeError(`${what} must be an object`, path, `${what} must be a map`);
  return Object.entries(value);
}

/** `''` when absent. */
export function stringField(fields: Fields, name: string): string {
  const field = fields.get(name);
  if (field === undefined) return '';
  return expectString(field.value, field.key, field.path);
}

export function booleanField(fields: Fields, name: string, absent = false): boolean {
  const field = fields.get(name);
  if (field === undefined) return absent;
  if (typeof field.value !== 'boolean')
    throw requestDecodeError(`${field.key} must be true or false`, field.path, 'must be true or false');
  return field.value;
}

/** 0 when absent. */
export function integerField(fields: Fields, name: string): number {
  const field = fields.get(name);
  if (field === undefined) return 0;
  return expectInteger(field.value, field.key, field.path);
}

/** A Go duration, or nanoseconds as a number; 0 when absent or empty. */
export function durationField(fields: Fields, name: string): Millis {
  const field = fields.get(name);
  if (field === undefined || field.value === '') return 0;
  const millis = toMillis(field);
  if (Math.abs(millis) > MAX_DURATION) throw tooLongError(field);
  return millis;
}

function toMillis(field: Field): Millis {
  const { key, value, path } = field;
  if (typeof value === 'number') return Math.trunc(value) / NANOS_PER_MILLI;
  if (typeof value !== 'string')
    throw requestDecodeError(
      `${key} must be a duration such as "30s", or a number of nanoseconds`,
      path,
      'must be a duration such as 30s',
    );
  if (value.length > MAX_DURATION_CHARS) throw tooLongError(field);
  try {
    return parseDuration(value.replaceAll('μ', 'µ')); // Go takes the Greek letter and the micro sign
  } catch (error) {
    const clause = error instanceof Error ? error.message : String(error);
    throw requestDecodeError(`${key}: invalid duration: ${clause}`, path, clause); // Go's words, which clients look for
  }
}

const tooLongError = ({ key, path }: Field): FieldError =>
  requestDecodeError(`${key} is too long for a duration`, path, 'is too long for a duration');

/** Empty when absent. */
export function stringListField(fields: Fields, name: string): string[] {
  const field = fields.get(name);
  return field === undefined ? [] : expectStringList(field.value, field.key, field.path);
}

/** Empty when absent. */
export function stringMapField(fields: Fields, name: string): Map<string, string> {
  return mapField(fields, name, expectString);
}

/** A map whose values `read` decodes. Its keys are data and stay as they are; null values are left out. */
export function mapField<T>(
  fields: Fields,
  name: string,
  read: (value: unknown, what: string, path: FieldPath) => T,
): Map<string, T> {
  const out = new Map<string, T>();
  const field = fields.get(name);
  if (field === undefined) return out;
  for (const [key, value] of objectEntries(field.value, field.key, field.path))
    if (value !== null) out.set(key, read(value, `${field.key}[${quoted(key)}]`, [...field.path, key]));
  return out;
}

/** The elements of a list that are not null, each with the path to it. */
export function listField(
  fields: Fields,
  name: string,
): readonly { readonly value: unknown; readonly path: FieldPath }[] {
  const field = fields.get(name);
  if (field === undefined) return [];
  if (!Array.isArray(field.value))
    throw requestDecodeError(`${field.key} must be a list`, field.path, 'must be a list');
  return field.value
    .map((value: unknown, at) => ({ value, path: [...field.path, at] }))
    .filter(({ value }) => value !== null);
}

export function expectString(value: unknown, what: string, path: FieldPath): string {
  if (typeof value === 'string') return value;
  const remedy = typeof value === 'number' || typeof value === 'boolean' ? ': put it in quotes' : '';
  throw requestDecodeError(`${what} must be a string`, path, `must be text${remedy}`);
}

export function expectInteger(value: unknown, what: string, path: FieldPath): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw requestDecodeError(`${what} must be a whole number`, path, 'must be a whole number');
  return value;
}

export function expectStringList(value: unknown, what: string, path: FieldPath): string[] {
  if (!Array.isArray(value))
    throw requestDecodeError(`${what} must be a list of strings`, path, 'must be a list of texts');
  return value.flatMap((element: unknown, at) =>
    element === null ? [] : [expectString(element, what, [...path, at])],
  );
}

/** In quotes, escaped and truncated, for an error message. */
export const quoted = (value: string): string => JSON.stringify(value.slice(0, 128));
