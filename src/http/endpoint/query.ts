/** The query string: taking it apart, and reading single parameters as Go's Consul would. */
import { AgentError } from '../../base/errors.ts';
import { parseDuration } from '../../config/setting.ts';

/** Every value of every parameter, in order. A `Map`, so that no name is special. */
export type QueryParams = ReadonlyMap<string, readonly string[]>;

/** Reads one parameter; `values` is empty if it is absent. Throws `AgentError`. */
export type ParamParser<T> = (values: readonly string[], name: string) => T;
export type QuerySpec = Readonly<Record<string, ParamParser<unknown>>>;
export type QueryValues<Q extends QuerySpec> = { readonly [K in keyof Q]: ReturnType<Q[K]> };

/** Takes what follows the `?`. A broken percent sign is the caller's error, never a guess. Source: T15. */
export function parseQueryString(raw: string): QueryParams {
  const query = new Map<string, string[]>();
  for (const pair of raw.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? '' : decode(pair.slice(at + 1));
    const held = query.get(name);
    if (held === undefined) query.set(name, [value]);
    else held.push(value);
  }
  return query;
}

export function parseQueryParams<const Q extends QuerySpec>(spec: Q, query: QueryParams): QueryValues<Q> {
  const read = Object.entries(spec).map(([name, param]) => [name, param(query.get(name) ?? [], name)]);
  return Object.fromEntries(read) as QueryValues<Q>;
}

/** First value, as Go's `Query().Get`; empty if absent. */
export const firstValue = (query: QueryParams, name: string): string => query.get(name)?.[0] ?? '';

/** A boolean as Go reads it; absent is false, present and empty is true. */
export const flagParam: ParamParser<boolean> = (values, name) => {
  const value = values[0];
  if (value === undefined) return false;
  if (value === '' || TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw new AgentError('badRequest', `Invalid value for ${name}: use true or false`);
};

/** A boolean that must be said. Source: Consul agent_endpoint.go, AgentServiceMaintenance. */
export const requiredFlagParam: ParamParser<boolean> = (values, name) => {
  const value = values[0];
  if (value === undefined) throw new AgentError('badRequest', `Missing value for ${name}`);
  if (TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw new AgentError('badRequest', `Invalid value for ${name}: use true or false`);
};

/** There or not; the value does not matter. */
export const presenceParam: ParamParser<boolean> = (values) => values.length > 0;

export const textParam: ParamParser<string> = (values) => values[0] ?? '';

export const listParam: ParamParser<readonly string[]> = (values) => values;

/** Go duration in milliseconds; `undefined` if absent or empty. */
export const durationParam: ParamParser<number | undefined> = (values, name) => {
  const value = values[0];
  if (value === undefined || value === '') return undefined;
  try {
    return parseDuration(value);
  } catch {
    throw new AgentError('badRequest', `Invalid ${name} time: use a number with its unit, such as 10s`);
  }
};

/** An unsigned 64-bit number; 0 if absent or empty. Above 2^53 it is rounded, never refused. */
export const uintParam: ParamParser<number> = (values, name) => {
  const value = values[0];
  if (value === undefined || value === '') return 0;
  if (!/^\d{1,20}$/.test(value) || BigInt(value) > MAX_UINT64)
    throw new AgentError('badRequest', `Invalid ${name}`);
  return Number(value);
};

/** `k:v` pairs that all must match; of equal keys the last counts, and a key alone means the empty value. */
export const pairsParam: ParamParser<ReadonlyMap<string, string>> = (values) =>
  new Map(
    values.map((value) => {
      const at = value.indexOf(':');
      return at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
    }),
  );

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);
const MAX_UINT64 = 2n ** 64n - 1n;

function decode(part: string): string {
  try {
    return decodeURIComponent(part.replaceAll('+', ' '));
  } catch {
    throw new AgentError(
      'badRequest',
      'Invalid query string: a % must be followed by two hex digits of UTF-8',
    );
  }
}
