/** Decodes UTF-8. The same names come with every message, so short texts are cached. */
import { WireError } from '../base/errors.ts';

/** Longer texts are not cached. */
const MAX_CACHED_CHARS = 32;
const SLOTS = 4096;
/** The last short ASCII text of each hash: bounded, and without influence on results. */
const CACHE: string[] = new Array(SLOTS).fill('');

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of `bytes[from..to)`. Throws `WireError` 'malformed' if it is not UTF-8. */
export function decodeText(bytes: Uint8Array, from: number, to: number): string {
  const length = to - from;
  if (length === 0) return '';
  if (length > MAX_CACHED_CHARS) return decodeOrThrow(bytes, from, to);
  let hash = length;
  let union = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    hash = (Math.imul(hash, 33) ^ byte) | 0;
    union |= byte;
  }
  if (union >= 0x80) return decodeOrThrow(bytes, from, to);
  const slot = (hash ^ (hash >>> 12)) & (SLOTS - 1);
  const cached = CACHE[slot] as string;
  if (cached.length === length && isAt(cached, bytes, from)) return cached;
  const text = decodeOrThrow(bytes, from, to);
  CACHE[slot] = text;
  return text;
}

function isAt(ascii: string, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < ascii.length; i++) if (ascii.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}

function decodeOrThrow(bytes: Uint8Array, from: number, to: number): string {
  try {
    return decoder.decode(bytes.subarray(from, to));
  } catch {
    throw new WireError('malformed', 'text that is not UTF-8');
  }
}
