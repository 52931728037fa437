/**
 * The form of a recording: lines of text, each a checksum and a JSON document. A checksum covers its own line and all
 * before it, so a line that is changed, missing, doubled or out of place is noticed where it stands. What the lines say
 * is the recorder's and the player's.
 */
import { crc32 } from 'node:zlib';
import { fromJson, toJson } from './json-codec.ts';

const NEWLINE = 0x0a;
/** Hexadecimal digits of a checksum, and the blank behind them. */
const HEAD = 9;

/** Makes the lines. */
export class RecordingEncoder {
  #sum = 0;

  /** One line with its end, out of what `documentOf` gave. The next one builds on it, so each must be written, in order. */
  encodeLine(document: string): string {
    this.#sum = crc32(document, this.#sum);
    return `${hex(this.#sum)} ${document}\n`;
  }
}

/** What a line says. */
export const toJsonDocument = (value: unknown): string => JSON.stringify(toJson(value));

/** Octets of its line. */
export const lineBytes = (document: string): number => HEAD + Buffer.byteLength(document) + 1;

/** Where lines stop making sense. Bytes and lines count from 0 and 1. */
export type RecordingEnd =
  | { readonly kind: 'complete' }
  /** The last line is not complete: the writer was killed, or the file was cut. */
  | { readonly kind: 'truncated'; readonly at: number; readonly line: number }
  | { readonly kind: 'corrupt'; readonly at: number; readonly to: number; readonly line: number };

export interface RecordingLine {
  readonly value: unknown;
  /** Where it begins. */
  readonly at: number;
  /** From 1. */
  readonly line: number;
}

/** Gives every line that is as it was written, and returns why there are no more. Total: takes any bytes. */
export function* readRecording(bytes: Uint8Array): Generator<RecordingLine, RecordingEnd> {
  let sum = 0;
  let line = 0;
  for (let at = 0; at < bytes.length; ) {
    line += 1;
    const end = bytes.indexOf(NEWLINE, at);
    if (end === -1) {
      // Only if its last octet is the end of the line in disguise is it more than torn.
      const changed = readLine(bytes, at, bytes.length - 1, sum) !== undefined;
      return changed ? { kind: 'corrupt', at, to: bytes.length, line } : { kind: 'truncated', at, line };
    }
    const read = readLine(bytes, at, end, sum);
    if (read === undefined) return { kind: 'corrupt', at, to: end, line };
    sum = read.sum;
    yield { value: read.value, at, line };
    at = end + 1;
  }
  return { kind: 'complete' };
}

function readLine(
  bytes: Uint8Array,
  from: number,
  to: number,
  before: number,
): { readonly sum: number; readonly value: unknown } | undefined {
  if (to - from <= HEAD) return undefined;
  const body = bytes.subarray(from + HEAD, to);
  const sum = crc32(body, before);
  if (decoder.decode(bytes.subarray(from, from + HEAD)) !== `${hex(sum)} `) return undefined;
  try {
    return { sum, value: fromJson(JSON.parse(decoder.decode(body))) };
  } catch {
    return undefined;
  }
}

const decoder = new TextDecoder('utf-8');
const hex = (sum: number): string => (sum >>> 0).toString(16).padStart(8, '0');
