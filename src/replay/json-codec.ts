/**
 * Values as JSON and back, exactly: bytes, addresses, maps and numbers that JSON has no word for stand in an object of
 * one key that begins with `$`. Objects of ours have no such keys; what strangers name is in maps.
 */
import { type Address, parseAddress } from '../base/address.ts';

/** Something `JSON.stringify` keeps as it is. Fields that are `undefined` are left out. */
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
  if (value instanceof Map) return { $m: [...value].map(([key, one]) => [toJson(key), toJson(one)]) };
  if (value instanceof Set) return { $s: [...value].map(toJson) };
  if (isAddress(value)) return { $a: value.key };
  const plain: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) if (one !== undefined) plain[key] = toJson(one);
  return plain;
}

/** The inverse. Throws `Error` on what `toPlain` never gives. */
export function fromJson(plain: unknown): unknown {
  if (typeof plain !== 'object' || plain === null) return plain;
  if (Array.isArray(plain)) return plain.map(fromJson);
  const entries = Object.entries(plain);
  const [key, content] = entries[0] ?? ['', undefined];
  if (entries.length !== 1 || !key.startsWith('$'))
    return Object.fromEntries(entries.map(([name, one]) => [name, fromJson(one)]));
  switch (key) {
    case '$n':
      return Number(content);
    case '$b':
      return new Uint8Array(Buffer.from(String(content), 'base64'));
    case '$m':
      return new Map((fromJson(content) as [unknown, unknown][]).map(([name, one]) => [name, one]));
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
