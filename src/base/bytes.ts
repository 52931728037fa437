/** Helpers for byte arrays. Bytes decoded from a datagram share its memory, so whatever is stored has to be copied. */

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Whether both have the same length and octets. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A copy that does not share memory with the datagram it came from. */
export const copyBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.length === 0 ? NO_BYTES : new Uint8Array(bytes);

/** Concatenates the parts in new memory. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8');

export const encodeUtf8 = (text: string): Uint8Array => encoder.encode(text);

/** Decodes UTF-8; invalid sequences become U+FFFD. */
export const decodeUtf8 = (bytes: Uint8Array): string => decoder.decode(bytes);
