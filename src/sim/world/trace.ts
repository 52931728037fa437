/**
 * The trace of a world: one line for each event, and a hash over all of them. Two runs are equal exactly if their
 * hashes are. The trace does not know what the lines mean.
 *
 * Every line is `SECONDS HOST SIGN WORDS`; datagrams and streams name both ends.
 *
 *     12.345 bob * stop                          the world did this to bob
 *     12.345 ann ? leave                         ann got a command
 *     12.345 ann ! memberSuspected node=bob …    ann reported a fact
 *     12.345 ann > bob ping+suspect 87           ann sent a datagram of 87 bytes that will arrive
 *     12.345 ann x bob ack 23                    ann sent a datagram that is lost
 *     12.345 ann = bob data 512                  a stream delivered to bob: syn, opened, data, fin, reset
 */
import type { Millis } from '../../base/time.ts';

/**
 * `facts`: actions of the world, commands and facts. `packets`: datagrams and streams as well, with their bytes in the
 * hash.
 */
export type TraceDetail = 'off' | 'facts' | 'packets';

export interface TraceOptions {
  readonly detail: TraceDetail;
  /** How many of the last lines are kept: 0 for none (the hash goes on), `Infinity` for all. */
  readonly maxLines: number;
}

type Sign = '*' | '?' | '!' | '>' | 'x' | '=';

/** Data that goes from one host to another. */
export interface Transfer {
  readonly at: Millis;
  readonly from: string;
  readonly sign: Sign;
  readonly to: string;
}

export class Trace {
  readonly detail: TraceDetail;
  readonly #maxLines: number;
  #lines: string[] = [];
  #high = 0x811c9dc5 | 0;
  #low = 0x9747b28c | 0;
  #lineCount = 0;

  constructor(options: TraceOptions) {
    this.detail = options.detail;
    this.#maxLines = options.maxLines;
  }

  /** Hash of all events so far at this level of detail; 16 hexadecimal digits. */
  get hash(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, '0');
    return hex(this.#high) + hex(this.#low);
  }

  /** Number of lines so far, kept or not. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** The lines that were kept, oldest first. */
  lines(): readonly string[] {
    return this.#maxLines === Number.POSITIVE_INFINITY
      ? this.#lines
      : this.#lines.slice(-this.#maxLines || this.#lines.length);
  }

  record(at: Millis, host: string, sign: Sign, words: string): void {
    if (this.detail === 'off') return;
    const line = `${seconds(at)} ${host} ${sign} ${words}`;
    for (let i = 0; i < line.length; i++) this.#mix(line.charCodeAt(i));
    this.#append(line);
  }

  /** Whether transfers are recorded; callers need not describe them otherwise. */
  get recordsTransfers(): boolean {
    return this.detail === 'packets';
  }

  /** Records a transfer. `words` is called only if lines are kept. */
  recordTransfer({ at, from, sign, to }: Transfer, bytes: Uint8Array, words: () => string): void {
    if (this.detail !== 'packets') return;
    this.#mix(Math.round(at * 1000) | 0);
    this.#mix(sign.charCodeAt(0));
    for (let i = 0; i < from.length; i++) this.#mix(from.charCodeAt(i));
    for (let i = 0; i < to.length; i++) this.#mix(to.charCodeAt(i));
    for (let i = 0; i < bytes.length; i++) this.#mix(bytes[i] as number);
    this.#append(
      this.#maxLines === 0 ? '' : `${seconds(at)} ${from} ${sign} ${to} ${words()} ${bytes.length}`,
    );
  }

  #append(line: string): void {
    this.#lineCount += 1;
    if (this.#maxLines === 0) return;
    this.#lines.push(line);
    if (this.#lines.length >= 2 * this.#maxLines + 64) this.#lines = this.#lines.slice(-this.#maxLines);
  }

  /** Two 32-bit multiplicative hashes side by side; not secure against adversaries. */
  #mix(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193);
    this.#low = Math.imul((this.#low ^ value) + 0x7f4a7c15, 0x85ebca6b) ^ (this.#low >>> 13);
  }
}

const seconds = (at: Millis): string => (at / 1000).toFixed(3);

/** A fact, or any flat object, as `kind key=value key=value`. */
export function formatFlat(fact: Readonly<{ kind: string }>): string {
  let words = fact.kind;
  for (const [key, value] of Object.entries(fact)) if (key !== 'kind') words += ` ${key}=${word(value)}`;
  return words;
}

function word(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
