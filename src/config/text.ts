/** Kinds of settings that are text: plain text, choices, lists, tags, durations by name, listen addresses. */
import { type Address, formatAddress, isUnspecified, parseAddress, splitHostPort } from '../base/address.ts';
import { encodeUtf8 } from '../base/bytes.ts';
import { validateServicePattern } from './names.ts';
import {
  commonFields,
  durationSetting,
  formatDuration,
  type Setting,
  type SettingOptions,
} from './setting.ts';

type Optional = string | undefined;

/** Text. `validate` may refuse it by throwing `Error` with a clause. */
export function textSetting<D extends Optional>(
  options: SettingOptions<D> & { validate?: (value: string) => void; bounds?: string; secret?: true },
): Setting<string | D> {
  return {
    type: 'text',
    default: options.default,
    ...commonFields(options, 'TEXT'),
    ...(options.bounds === undefined ? {} : { bounds: options.bounds }),
    ...(options.secret === undefined ? {} : { secret: options.secret }),
    parse: (raw) => {
      const value = asText(raw);
      options.validate?.(value);
      return value;
    },
    format: (value) => value ?? '',
  };
}

export function choiceSetting<const V extends readonly string[], D extends V[number] | undefined>(
  options: SettingOptions<D> & { values: V },
): Setting<V[number] | D> {
  const words = options.values.join(', ');
  return {
    type: 'choice',
    default: options.default,
    ...commonFields(options, options.values.join('|')),
    bounds: words,
    parse: (raw) => {
      const value = options.values.find((one) => one === raw);
      if (value === undefined) throw new Error(`must be one of ${words}`);
      return value;
    },
    format: (value) => value ?? '',
  };
}

/** Several texts: a repeated flag, a list in a file, commas in a variable. */
export function listSetting(
  options: Omit<SettingOptions<readonly string[]>, 'default'> & { validate?: (value: string) => void },
): Setting<readonly string[]> {
  return {
    type: 'list',
    default: [],
    ...commonFields(options, 'TEXT'),
    parse: (raw) => {
      const values = itemsOf(raw);
      for (const value of values) options.validate?.(value);
      return values;
    },
    format: (values) => values.join(','),
  };
}

/** `KEY=VALUE` pairs: a repeated flag, a map or a list in a file, commas in a variable. */
export function tagsSetting(
  options: Omit<SettingOptions<ReadonlyMap<string, string>>, 'default'> & { maxBytes: number },
): Setting<ReadonlyMap<string, string>> {
  return {
    type: 'map',
    default: new Map(),
    ...commonFields(options, 'KEY=VALUE'),
    bounds: `${options.maxBytes} bytes in total`,
    parse: (raw) => {
      const pairs = raw instanceof Map ? pairsOfMap(raw) : itemsOf(raw).map(splitPair);
      for (const [key] of pairs) if (key === '') throw new Error('a key must not be empty');
      const map = new Map(pairs);
      if (map.size !== pairs.length) throw new Error('a key is given twice');
      const bytes = tagBytes(map);
      if (bytes > options.maxBytes)
        throw new Error(`has ${bytes} bytes in total, and the limit is ${options.maxBytes}`);
      return map;
    },
    format: (map) => [...map].map(([key, value]) => `${key}=${value}`).join(','),
  };
}

/** `NAME=DURATION` pairs, written like tags, parsed to milliseconds. Names are patterns of service names. */
export function durationMapSetting(
  options: Omit<SettingOptions<ReadonlyMap<string, number>>, 'default'> & { max: string },
): Setting<ReadonlyMap<string, number>> {
  const one = durationSetting({ default: '0s', max: options.max, doc: options.doc });
  return {
    type: 'map',
    default: new Map(),
    ...commonFields(options, 'NAME=DURATION'),
    ...(one.bounds === undefined ? {} : { bounds: one.bounds }),
    parse: (raw) => {
      const pairs = raw instanceof Map ? pairsOfMap(raw) : itemsOf(raw).map(splitPair);
      const map = new Map<string, number>();
      for (const [name, value] of pairs) {
        validateServicePattern(name);
        if (map.has(name.toLowerCase())) throw new Error(`${name} is given twice`);
        map.set(name.toLowerCase(), one.parse(value));
      }
      return map;
    },
    format: (map) => [...map].map(([name, millis]) => `${name}=${formatDuration(millis)}`).join(','),
  };
}

/** An IP address with an optional port. `localhost` is 127.0.0.1; other names are refused. */
export function addressSetting(
  options: Omit<SettingOptions<undefined>, 'default'> & { port: number; unspecified: boolean },
): Setting<Address | undefined> {
  return {
    type: 'address',
    default: undefined,
    ...commonFields(options, 'ADDR[:PORT]'),
    parse: (raw) => {
      const at = asAddress(asText(raw), options.port);
      if (!options.unspecified && isUnspecified(at.ip))
        throw new Error('must be an address that others can dial, not the unspecified one');
      return at;
    },
    format: (at) => (at === undefined ? '' : formatAddress(at)),
  };
}

/** Where a server listens, or `off`. */
export type ListenAddress =
  | { readonly kind: 'ip'; readonly address: Address }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'off' };
export type IpListenAddress = Exclude<ListenAddress, { kind: 'unix' }>;

export function ipListenSetting(
  options: Omit<SettingOptions<string>, 'placeholder'> & { port: number },
): Setting<IpListenAddress> {
  const parse = (raw: unknown): IpListenAddress => {
    const value = asText(raw);
    return value === 'off' ? { kind: 'off' } : { kind: 'ip', address: asAddress(value, options.port) };
  };
  return {
    type: 'address',
    ...commonFields(options, 'ADDR:PORT|off'),
    default: parse(options.default),
    parse,
    format: formatListenAddress,
  };
}

/** Like `ipListenSetting`, and also `unix:PATH`. */
export function listenSetting(
  options: Omit<SettingOptions<string>, 'placeholder'> & { port: number },
): Setting<ListenAddress> {
  const ip = ipListenSetting(options);
  return {
    type: 'address',
    ...commonFields(options, 'ADDR:PORT|unix:PATH|off'),
    default: ip.default,
    parse: (raw) => {
      if (typeof raw !== 'string' || !raw.startsWith('unix:')) return ip.parse(raw);
      const path = raw.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
      if (path === '') throw new Error('must name the socket: unix:PATH');
      return { kind: 'unix', path };
    },
    format: formatListenAddress,
  };
}

/** As in settings and the agent's first lines: `127.0.0.1:8500`, `unix:PATH`, `off`. */
export function formatListenAddress(at: ListenAddress): string {
  if (at.kind === 'ip') return formatAddress(at.address);
  return at.kind === 'unix' ? `unix:${at.path}` : 'off';
}

/** Throws `Error` unless `value` is `HOST[:PORT]`; the host may be a name. */
export function validateHostPort(value: string): void {
  const split = splitHostPort(value);
  if (split === undefined || split.port === 0)
    throw new Error(`"${value}" is not an address such as 10.0.0.5 or host.example:7946`);
}

function asText(raw: unknown): string {
  if (typeof raw === 'string') return raw;
  if (typeof raw === 'number' || typeof raw === 'boolean') throw new Error('must be text: put it in quotes');
  throw new Error('must be text');
}

function itemsOf(raw: unknown): readonly string[] {
  if (typeof raw === 'string')
    return raw
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  if (!Array.isArray(raw)) throw new Error('must be a list');
  return raw.map(asText);
}

function pairsOfMap(raw: ReadonlyMap<unknown, unknown>): [string, string][] {
  return [...raw].map(([key, value]) => {
    if (typeof value !== 'string')
      throw new Error(`the value of ${String(key)} must be text: put it in quotes`);
    return [String(key), value];
  });
}

function splitPair(item: string): [string, string] {
  const at = item.indexOf('=');
  if (at < 0) throw new Error(`"${item}" must be KEY=VALUE`);
  return [item.slice(0, at), item.slice(at + 1)];
}

/** Size of the tags on the wire: a type byte, then a msgpack map. Source: serf serf.go, encodeTags. */
function tagBytes(map: ReadonlyMap<string, string>): number {
  let bytes = 1 + (map.size < 16 ? 1 : 3);
  for (const entry of map)
    for (const part of entry) {
      const length = encodeUtf8(part).length;
      bytes += length + (length < 32 ? 1 : 3);
    }
  return bytes;
}

function asAddress(value: string, port: number): Address {
  const at = parseAddress(value.replace(/^localhost(?=:|$)/i, '127.0.0.1'), port);
  if (at === undefined)
    throw new Error(
      `"${value}" is not an IP address with an optional port, such as 10.0.0.5:${port || 7946}`,
    );
  return at;
}
