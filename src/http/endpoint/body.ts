/**
 * Decodes JSON bodies of untrusted clients: keys as Consul's clients spell them, and nothing is merged into objects.
 */
import * as v from 'valibot';
import { decodeUtf8 } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';

export type BodySchema = v.ObjectSchema<v.ObjectEntries, undefined>;

/** The largest body that is accepted. */
export const MAX_BODY_BYTES = 512 * 1024;

/** Decodes a body into what a handler gets. Throws `AgentError`. */
export type BodyDecoder<T> = (bytes: Uint8Array) => T;

/**
 * Decodes an object. Keys match in any case and without `_`, `null` is the same as absent, an unknown key is refused.
 * Throws `AgentError`; its messages begin as Go's, because programs search in them.
 *
 * Source: J1 to J5 (docs/consul.md).
 */
export function decodeBody<const S extends BodySchema>(bytes: Uint8Array, schema: S): v.InferOutput<S> {
  const names = new Map(Object.keys(schema.entries).map((name) => [fold(name), name]));
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parseObject(bytes))) {
    const name = names.get(fold(key));
    if (name === undefined) throw decodeError(`json: unknown field ${JSON.stringify(key)}`);
    if (value !== null) fields[name] = value;
  }
  const result = v.safeParse(schema, fields);
  if (result.success) return result.output;
  throw decodeError(result.issues.map(formatIssue).join('; '));
}

/** An object of strings as a `Map`: `__proto__` is a key like any other, and `null` values are absent. */
export const stringMapSchema = v.pipe(
  v.custom<Readonly<Record<string, unknown>>>(isObject, 'must be an object of strings'),
  v.transform((object) => new Map(Object.entries(object).filter(([, value]) => value !== null))),
  v.map(v.string(), v.string('must be a string')),
);

/** Decodes any JSON value; the handler validates it. Text after the first value is ignored, as in Go. Source: J5. */
export const parseJson: BodyDecoder<unknown> = (bytes) => {
  const source = decodeUtf8(bytes);
  if (source.trim() === '') throw decodeError('EOF (the body is empty: send a JSON object)');
  try {
    return JSON.parse(source.slice(0, endOfFirstValue(source)));
  } catch (error) {
    throw decodeError(error instanceof Error ? error.message : 'this is not JSON');
  }
};

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const value = parseJson(bytes);
  if (!isObject(value)) throw decodeError('json: the body must be an object');
  return value;
}

/** The end of the object or list that the text begins with, or the length of the text if it is not closed. */
function endOfFirstValue(source: string): number {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < source.length; i++) {
    const token = source[i] as string;
    if (quoted) {
      if (token === '\\') i += 1;
      else if (token === '"') quoted = false;
    } else if (token === '"') quoted = true;
    else if (OPENING.has(token)) depth += 1;
    else if (CLOSING.has(token) && --depth <= 0) return i + 1;
  }
  return source.length;
}

const OPENING = new Set('{[');
const CLOSING = new Set('}]');

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const fold = (key: string): string => key.toLowerCase().replaceAll('_', '');

const formatIssue = (issue: v.BaseIssue<unknown>): string =>
  `${v.getDotPath(issue) ?? 'body'}: ${issue.message}`;

const decodeError = (clause: string): AgentError =>
  new AgentError('badRequest', `Request decode failed: ${clause}`);
