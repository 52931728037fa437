/**
 * Lossless JSON for the agent's values. Bytes, addresses, maps, sets and non-finite numbers are objects with one key
 * that begins with `$`. Our own objects have no such keys, and names from other agents are keys of maps only.
 */
import { type Address, parseAddress } from '../base/address.ts';

/** Converts to values that `JSON.stringify` preserves. Leaves out fields that are `undefined`. */
export function toJson(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : { $n: String(value) };
    case 'object':
      break;
    default:
      return value;
  }
  if (value === null) return value;
  if (value instanceof Uint8Array)
    return { $b: Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64') };
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Map) return { $m: [...value].map(([key, item]) => [toJson(key), toJson(item)]) };
  if (value instanceof Set) return { $s: [...value].map(toJson) };
  if (isAddress(value)) return { $a: value.key };
  const json: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) if (item !== undefined) json[key] = toJson(item);
  return json;
}

/** The inverse of `toJson`. Throws `Error` on an unknown `$` key. */
export function fromJson(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(fromJson);
  const entries = Object.entries(json);
  const [key, content] = entries[0] ?? ['', undefined];
  if (entries.length !== 1 || !key.startsWith('$'))
    return Object.fromEntries(entries.map(([name, item]) => [name, fromJson(item)]));
  switch (key) {
    case '$n':
      return Number(content);
    case '$b':
      return new Uint8Array(Buffer.from(String(content), 'base64'));
    case '$m':
      return new Map(fromJson(content) as [unknown, unknown][]);
    case '$s':
      return new Set(fromJson(content) as unknown[]);
    case '$a': {
      const address = parseAddress(String(content));
      if (address !== undefined) return address;
    }
  }
  throw new Error(`no such value: ${key}`);
}

const isAddress = (value: object): value is Address => 'ip' in value && 'key' in value && 'host' in value;
