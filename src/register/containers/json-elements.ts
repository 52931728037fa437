/**
 * Splits a JSON array of objects into its elements as the bytes arrive, so that a list of any length takes the memory of one
 * element, and an element that is too large is left out unread.
 */

export interface JsonElementsOptions {
  readonly maxElementBytes: number;
  /** One element, as text. */
  onElement(text: string): void;
  /** The first bytes of an element that is too large. */
  onOversized(head: string): void;
}

/** What is kept of an element that is too large. */
const HEAD_BYTES = 512;

const [OPEN_LIST, CLOSE_LIST, OPEN, CLOSE, QUOTE, BACKSLASH, COMMA] = Buffer.from('[]{}"\\,');
const BLANKS: ReadonlySet<number> = new Set(Buffer.from(' \t\r\n'));

type Place = 'start' | 'first' | 'between' | 'next' | 'element' | 'end';

export class JsonElements {
  readonly #options: JsonElementsOptions;
  /** `first` and `next`: an element may begin, and at `first` the list may end; `between`: a comma or the end follows. */
  #place: Place = 'start';
  #depth = 0;
  #inString = false;
  #escaped = false;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(options: JsonElementsOptions) {
    this.#options = options;
  }

  /** Throws `Error` with a clause where the bytes are no list of objects. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length)
      at = this.#place === 'element' ? this.#readElement(chunk, at) : this.#step(chunk, at);
  }

  /** Throws `Error` if the list has not ended. */
  end(): void {
    if (this.#place !== 'end') throw new Error('the list of containers is truncated');
  }

  /** Reads one byte outside of elements. Returns where to go on. */
  #step(chunk: Buffer, at: number): number {
    const byte = chunk[at] as number;
    if (BLANKS.has(byte)) return at + 1;
    const place = this.#place;
    if (place === 'start' && byte === OPEN_LIST) this.#place = 'first';
    else if (byte === CLOSE_LIST && (place === 'first' || place === 'between')) this.#place = 'end';
    else if (place === 'between' && byte === COMMA) this.#place = 'next';
    else if (byte === OPEN && (place === 'first' || place === 'next')) {
      this.#place = 'element';
      return at; // the element has its first byte
    } else throw new Error('the answer is no list of containers');
    return at + 1;
  }

  #readElement(chunk: Buffer, from: number): number {
    let at = from;
    for (; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) this.#inString = true;
      else if (byte === OPEN || byte === OPEN_LIST) this.#depth++;
      else if (byte === CLOSE || byte === CLOSE_LIST) {
        this.#depth--;
        if (this.#depth === 0) break;
      }
    }
    const isWhole = at < chunk.length;
    this.#keep(chunk.subarray(from, isWhole ? at + 1 : at));
    if (!isWhole) return at;
    this.#place = 'between';
    this.#emit();
    return at + 1;
  }

  #keep(part: Buffer): void {
    const before = this.#bytes;
    this.#bytes += part.length;
    if (this.#bytes <= this.#options.maxElementBytes) this.#parts.push(part);
    else if (before <= this.#options.maxElementBytes)
      this.#parts = [Buffer.from(Buffer.concat([...this.#parts, part]).subarray(0, HEAD_BYTES))];
  }

  #emit(): void {
    const text = Buffer.concat(this.#parts).toString();
    const isOversized = this.#bytes > this.#options.maxElementBytes;
    this.#parts = [];
    this.#bytes = 0;
    if (isOversized) this.#options.onOversized(text);
    else this.#options.onElement(text);
  }
}

export interface LinesOptions {
  readonly maxLineBytes: number;
  onLine(line: string): void;
  /** A line was too large, and is left out. */
  onOversized(): void;
}

const NEWLINE = 0x0a;

/** Splits a stream into lines, each of which takes a bounded memory. */
export class BoundedLines {
  readonly #options: LinesOptions;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, end));
      this.#emit();
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes <= this.#options.maxLineBytes) this.#parts.push(part);
    else this.#parts = [];
  }

  #emit(): void {
    const line = Buffer.concat(this.#parts).toString();
    const isOversized = this.#bytes > this.#options.maxLineBytes;
    this.#parts = [];
    this.#bytes = 0;
    if (isOversized) this.#options.onOversized();
    else if (line.trim() !== '') this.#options.onLine(line);
  }
}
