/**
 * The file format of a recording: lines of text, each a checksum and a JSON document. The CRC-32 of a line continues
 * that of the line before, so a line that is changed, missing, doubled or moved is detected where it stands.
 */
import { crc32 } from 'node:zlib';
import { fromJson, toJson } from './json-codec.ts';

const NEWLINE = 0x0a;
/** Eight hexadecimal digits and a blank. */
const CHECKSUM_BYTES = 9;

export class RecordingEncoder {
  #crc = 0;

  /**
   * One line with its newline, from a document of `toJsonDocument`. Every line must be written, and in this order,
   * since the checksum of the next one covers it.
   */
  encodeLine(document: string): string {
    this.#crc = crc32(document, this.#crc);
    return `${toHex(this.#crc)} ${document}\n`;
  }
}

export const toJsonDocument = (value: unknown): string => JSON.stringify(toJson(value));

/** Size of the line that `encodeLine` makes of the document. */
export const lineBytes = (document: string): number => CHECKSUM_BYTES + Buffer.byteLength(document) + 1;

/** Where the readable part of a recording ends. `at` and `to` are byte offsets, `line` counts from 1. */
export type RecordingEnd =
  | { readonly kind: 'complete' }
  /** The last line is incomplete: the writer was killed, or the file was cut. */
  | { readonly kind: 'truncated'; readonly at: number; readonly line: number }
  | { readonly kind: 'corrupt'; readonly at: number; readonly to: number; readonly line: number };

export interface RecordingLine {
  readonly value: unknown;
  /** Byte offset of its start. */
  readonly at: number;
  /** Counts from 1. */
  readonly line: number;
}

/** Yields lines as long as their checksums are right, and returns why it stopped. Never throws. */
export function* readRecording(bytes: Uint8Array): Generator<RecordingLine, RecordingEnd> {
  let crc = 0;
  let line = 0;
  for (let at = 0; at < bytes.length; ) {
    line += 1;
    const end = bytes.indexOf(NEWLINE, at);
    if (end === -1) {
      // A complete line whose newline byte was changed is corrupt, not truncated.
      const isCorrupt = readLine(bytes, at, bytes.length - 1, crc) !== undefined;
      return isCorrupt ? { kind: 'corrupt', at, to: bytes.length, line } : { kind: 'truncated', at, line };
    }
    const read = readLine(bytes, at, end, crc);
    if (read === undefined) return { kind: 'corrupt', at, to: end, line };
    crc = read.crc;
    yield { value: read.value, at, line };
    at = end + 1;
  }
  return { kind: 'complete' };
}

/** `undefined` if the checksum is wrong or the document is not JSON of ours. */
function readLine(
  bytes: Uint8Array,
  from: number,
  to: number,
  previousCrc: number,
): { readonly crc: number; readonly value: unknown } | undefined {
  if (to - from <= CHECKSUM_BYTES) return undefined;
  const document = bytes.subarray(from + CHECKSUM_BYTES, to);
  const crc = crc32(document, previousCrc);
  if (decoder.decode(bytes.subarray(from, from + CHECKSUM_BYTES)) !== `${toHex(crc)} `) return undefined;
  try {
    return { crc, value: fromJson(JSON.parse(decoder.decode(document))) };
  } catch {
    return undefined;
  }
}

const decoder = new TextDecoder('utf-8');
const toHex = (crc: number): string => (crc >>> 0).toString(16).padStart(8, '0');
