/** Answers before they are bytes: what a route gives back, and what is thrown to refuse. */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { AgentError } from '../../../base/errors.ts';
import { COMMON_HEADERS } from './headers.ts';
import { Parts } from './json-parts.ts';

export type Headers = Readonly<Record<string, string>>;

/** What goes out: header names and values in turn, as Node writes them fastest, and bytes. */
export interface Content {
  readonly head: readonly string[];
  readonly body: Buffer;
}

/** A finished answer, encoded once however many it goes to. Routes that answer 200 with JSON just return the value. */
export class Reply implements Content {
  readonly status: number;
  readonly body: Buffer;
  readonly headers: Headers;
  #head: readonly string[] | undefined;
  #packed: Promise<Content> | undefined;
  constructor(status: number, body: string | Buffer = '', headers: Headers = {}) {
    this.status = status;
    this.body = typeof body === 'string' ? Buffer.from(body) : body;
    this.headers = headers;
  }

  /** The length is given even for an empty body: Go and Python clients want `200` and `Content-Length: 0`. */
  get head(): readonly string[] {
    this.#head ??= headOf(this.headers, { 'Content-Length': String(this.body.length) });
    return this.#head;
  }

  /** The same by gzip, not made on the thread that gossips. */
  packed(): Promise<Content> {
    this.#packed ??= pack(this.body, { level: constants.Z_BEST_SPEED }).then((body) => {
      const length = String(body.length);
      return { head: headOf(this.headers, { 'Content-Encoding': 'gzip', 'Content-Length': length }), body };
    });
    return this.#packed;
  }
}

/** An answer without an end: what it still has to say is asked for as fast as the client takes it. */
export class StreamReply extends Reply {
  readonly stream: ReadableStream<Uint8Array>;
  constructor(stream: ReadableStream<Uint8Array>, headers: Headers) {
    super(200, '', headers);
    this.stream = stream;
  }

  override get head(): readonly string[] {
    return headOf(this.headers);
  }
}

const headOf = (headers: Headers, more: Headers = {}): readonly string[] =>
  Object.entries({ ...COMMON_HEADERS, ...headers, ...more }).flat();

const pack = promisify<Buffer, { level: number }, Buffer>(gzip);

/** Thrown for statuses that only HTTP has (429, 401 ...); everything else is an `AgentError`. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Headers;
  constructor(status: number, sentence: string, headers: Headers = {}) {
    super(sentence);
    this.name = 'Refusal';
    this.status = status;
    this.headers = headers;
  }
}

/** Compact, or with four blanks and a final newline for people. Source: http.md T16. */
export function json(value: unknown, pretty: boolean, headers: Headers = {}, status = 200): Reply {
  const compact = (): string => (value instanceof Parts ? value.text : JSON.stringify(value));
  const body = pretty ? `${JSON.stringify(value, null, 4)}\n` : compact();
  return new Reply(status, body, { 'Content-Type': 'application/json', ...headers });
}

export const plain = (status: number, sentence: string, headers: Headers = {}): Reply =>
  new Reply(status, sentence, {
    ...(sentence === '' ? {} : { 'Content-Type': 'text/plain; charset=utf-8' }),
    ...headers,
  });

/** The plain sentence an error becomes; `undefined` if it is none of ours. */
export function errorReply(error: unknown, headers: Headers = {}): Reply | undefined {
  if (!(error instanceof AgentError || error instanceof Refusal)) return undefined;
  // python-consul reads the index of any 404, whatever the path was.
  const index = error.status === 404 ? { 'X-Consul-Index': '1' } : {};
  const own = error instanceof Refusal ? error.headers : {};
  return plain(error.status, error.message, { ...index, ...headers, ...own });
}
