/** Truncates a check's output to its limit in bytes, at a character boundary, and notes that it was truncated. */
import { decodeUtf8, encodeUtf8 } from '../base/bytes.ts';

/** The first `maxBytes`; ends in a note about the truncation if that fits. Source: Consul checkTTL, UpdateCheck. */
export function truncateOutput(output: string, maxBytes: number): string {
  if (output.length * 3 <= maxBytes) return output;
  const bytes = encodeUtf8(output);
  if (bytes.length <= maxBytes) return output;
  const available = maxBytes - ` ... (captured ${maxBytes} of ${bytes.length} bytes)`.length;
  if (available < 16) return utf8Head(bytes, maxBytes);
  const head = utf8Head(bytes, available);
  return `${head} ... (captured ${encodeUtf8(head).length} of ${bytes.length} bytes)`;
}

/** The text of the first `maxBytes`, or a little less. */
export function utf8Head(bytes: Uint8Array, maxBytes: number): string {
  let end = Math.min(maxBytes, bytes.length);
  if (end < bytes.length) while (end > 0 && isContinuationByte(bytes[end])) end -= 1;
  return decodeUtf8(bytes.subarray(0, end));
}

/** The text of the last `maxBytes`, or a little less. */
export function utf8Tail(bytes: Uint8Array, maxBytes: number): string {
  let start = Math.max(0, bytes.length - maxBytes);
  if (start > 0) while (start < bytes.length && isContinuationByte(bytes[start])) start += 1;
  return decodeUtf8(bytes.subarray(start));
}

/** A byte inside a UTF-8 sequence, not at its start. */
const isContinuationByte = (byte: number | undefined): boolean =>
  byte !== undefined && (byte & 0xc0) === 0x80;
