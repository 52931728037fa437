/** Cutting what a check says to its limit in bytes, never inside a character, and telling that it was cut. */
import { decodeUtf8, encodeUtf8 } from '../base/bytes.ts';

/** At most `maxBytes`, from the beginning; the cut is noted where the note fits. Source: Consul checkTTL, UpdateCheck. */
export function truncateOutput(output: string, maxBytes: number): string {
  if (output.length * 3 <= maxBytes) return output;
  const bytes = encodeUtf8(output);
  if (bytes.length <= maxBytes) return output;
  const kept = maxBytes - ` ... (captured ${maxBytes} of ${bytes.length} bytes)`.length;
  if (kept < 16) return utf8Head(bytes, maxBytes);
  const head = utf8Head(bytes, kept);
  return `${head} ... (captured ${encodeUtf8(head).length} of ${bytes.length} bytes)`;
}

/** The text of at most the first `maxBytes`. */
export function utf8Head(bytes: Uint8Array, maxBytes: number): string {
  let end = Math.min(maxBytes, bytes.length);
  if (end < bytes.length) while (end > 0 && isContinuationByte(bytes[end])) end -= 1;
  return decodeUtf8(bytes.subarray(0, end));
}

/** The text of at most the last `maxBytes`. */
export function utf8Tail(bytes: Uint8Array, maxBytes: number): string {
  let start = Math.max(0, bytes.length - maxBytes);
  if (start > 0) while (start < bytes.length && isContinuationByte(bytes[start])) start += 1;
  return decodeUtf8(bytes.subarray(start));
}

/** Inside a UTF-8 sequence, not at its start. */
const isContinuationByte = (octet: number | undefined): boolean =>
  octet !== undefined && (octet & 0xc0) === 0x80;
