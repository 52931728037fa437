/** Helpers for tests of wire/. */
import { encodeUtf8 } from '../../../src/base/bytes.ts';
import { WireError, type WireErrorCode } from '../../../src/base/errors.ts';
import { BARE_ENVELOPE, type Envelope } from '../../../src/wire/packet.ts';

/** The code of the `WireError` that `run` throws; other errors are rethrown. */
export function codeOf(run: () => unknown): WireErrorCode | 'fine' {
  try {
    run();
    return 'fine';
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

export const envelope = (over: Partial<Envelope> = {}): Envelope => ({ ...BARE_ENVELOPE, ...over });
export const key = (octet: number, length = 32): Uint8Array => new Uint8Array(length).fill(octet);
export const label = (text: string): Uint8Array => encodeUtf8(text);
export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** Nonces 1, 2, 3 …, and the number that was drawn. */
export function nonces(): { (): Uint8Array; taken: number } {
  const next = (): Uint8Array => new Uint8Array(12).fill(++next.taken);
  next.taken = 0;
  return next;
}
