/** Parses query strings, and single parameters as Consul, which is written in Go, would. */
import { AgentError } from '../../base/errors.ts';
import { parseDuration } from '../../config/setting.ts';

/** All values of all parameters, in order. A `Map`, so that no name is special. */
export type QueryParams = ReadonlyMap<string, readonly string[]>;

/** Parses one parameter; `values` is empty if it is absent. Throws `AgentError`. */
export type ParamParser<T> = (values: readonly string[], name: string) => T;
export type QuerySpec = Readonly<Record<string, ParamParser<unknown>>>;
export type QueryValues<Q extends QuerySpec> = { readonly [K in keyof Q]: ReturnType<Q[K]> };

/** Parses the text after the `?`. A broken percent sign is an error. Source: T15 (docs/consul.md). */
export function parseQueryString(raw: string): QueryParams {
  const query = new Map<string, string[]>();
  for (const pair of raw.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? '' : decode(pair.slice(at + 1));
    const values = query.get(name);
    if (values === undefined) query.set(name, [value]);
    else values.push(value);
  }
  return query;
}

export function parseQueryParams<const Q extends QuerySpec>(spec: Q, query: QueryParams): QueryValues<Q> {
  const parsed = Object.entries(spec).map(([name, parse]) => [name, parse(query.get(name) ?? [], name)]);
  return Object.fromEntries(parsed) as QueryValues<Q>;
}

/** The first value, as Go's `Query().Get`; empty if absent. */
export const firstValue = (query: QueryParams, name: string): string => query.get(name)?.[0] ?? '';

/** A boolean in Go's spelling; absent is false, present and empty is true. */
export const flagParam: ParamParser<boolean> = ([value], name) =>
  value !== undefined && (value === '' || parseBoolean(value, name));

/** A boolean that must be given. Source: Consul agent_endpoint.go, AgentServiceMaintenance. */
export const requiredFlagParam: ParamParser<boolean> = ([value], name) => {
  if (value === undefined) throw new AgentError('badRequest', `Missing value for ${name}`);
  return parseBoolean(value, name);
};

/** True if the parameter is present, whatever its value. */
export const presenceParam: ParamParser<boolean> = (values) => values.length > 0;

export const textParam: ParamParser<string> = (values) => values[0] ?? '';

export const listParam: ParamParser<readonly string[]> = (values) => values;

/** A duration in Go's syntax, in milliseconds; `undefined` if absent or empty. */
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

/** `key:value` pairs; the last of equal keys wins, and a key alone has the empty value. */
export const pairsParam: ParamParser<ReadonlyMap<string, string>> = (values) =>
  new Map(
    values.map((value) => {
      const at = value.indexOf(':');
      return at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
    }),
  );

function parseBoolean(value: string, name: string): boolean {
  if (TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw new AgentError('badRequest', `Invalid value for ${name}: use true or false`);
}

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
