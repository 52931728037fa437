/** Cutting what a check says to its limit in bytes, never inside a character, and telling that it was cut. */
import { text, utf8 } from '../base/bytes.ts';

/** At most `maxBytes`, from the beginning; the cut is noted where the note fits. Source: Consul checkTTL, UpdateCheck. */
export function cutOutput(output: string, maxBytes: number): string {
  if (output.length * 3 <= maxBytes) return output;
  const bytes = utf8(output);
  if (bytes.length <= maxBytes) return output;
  const kept = maxBytes - ` ... (captured ${maxBytes} of ${bytes.length} bytes)`.length;
  if (kept < 16) return firstBytes(bytes, maxBytes);
  const head = firstBytes(bytes, kept);
  return `${head} ... (captured ${utf8(head).length} of ${bytes.length} bytes)`;
}

/** The text of at most the first `maxBytes`. */
export function firstBytes(bytes: Uint8Array, maxBytes: number): string {
  let end = Math.min(maxBytes, bytes.length);
  if (end < bytes.length) while (end > 0 && isInside(bytes[end])) end -= 1;
  return text(bytes.subarray(0, end));
}

/** The text of at most the last `maxBytes`. */
export function lastBytes(bytes: Uint8Array, maxBytes: number): string {
  let start = Math.max(0, bytes.length - maxBytes);
  if (start > 0) while (start < bytes.length && isInside(bytes[start])) start += 1;
  return text(bytes.subarray(start));
}

/** Inside a UTF-8 sequence, not at its start. */
const isInside = (octet: number | undefined): boolean => octet !== undefined && (octet & 0xc0) === 0x80;
