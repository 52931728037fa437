/** Answers before they are bytes: what a route gives back, and what is thrown to refuse. */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { AgentError } from '../../../base/errors.ts';
import { COMMON_HEADERS } from './headers.ts';
import { JsonParts } from './json-parts.ts';

export type ReplyHeaders = Readonly<Record<string, string>>;

/** What goes out: header names and values in turn, as Node writes them fastest, and bytes. */
export interface EncodedReply {
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** A finished answer, encoded once however many it goes to. Routes that answer 200 with JSON just return the value. */
export class HttpReply implements EncodedReply {
  readonly status: number;
  readonly body: Buffer;
  readonly headers: ReplyHeaders;
  #rawHeaders: readonly string[] | undefined;
  #gzipped: Promise<EncodedReply> | undefined;
  constructor(status: number, body: string | Buffer = '', headers: ReplyHeaders = {}) {
    this.status = status;
    this.body = typeof body === 'string' ? Buffer.from(body) : body;
    this.headers = headers;
  }

  /** The length is given even for an empty body: Go and Python clients want `200` and `Content-Length: 0`. */
  get rawHeaders(): readonly string[] {
    this.#rawHeaders ??= toRawHeaders(this.headers, { 'Content-Length': String(this.body.length) });
    return this.#rawHeaders;
  }

  /** The same by gzip, not made on the thread that gossips. */
  gzipped(): Promise<EncodedReply> {
    this.#gzipped ??= pack(this.body, { level: constants.Z_BEST_SPEED }).then((body) => {
      const length = String(body.length);
      return {
        rawHeaders: toRawHeaders(this.headers, { 'Content-Encoding': 'gzip', 'Content-Length': length }),
        body,
      };
    });
    return this.#gzipped;
  }
}

/** An answer without an end: what it still has to say is asked for as fast as the client takes it. */
export class StreamReply extends HttpReply {
  readonly stream: ReadableStream<Uint8Array>;
  constructor(stream: ReadableStream<Uint8Array>, headers: ReplyHeaders) {
    super(200, '', headers);
    this.stream = stream;
  }

  override get rawHeaders(): readonly string[] {
    return toRawHeaders(this.headers);
  }
}

const toRawHeaders = (headers: ReplyHeaders, more: ReplyHeaders = {}): readonly string[] =>
  Object.entries({ ...COMMON_HEADERS, ...headers, ...more }).flat();

const pack = promisify<Buffer, { level: number }, Buffer>(gzip);

/** Thrown for statuses that only HTTP has (429, 401 ...); everything else is an `AgentError`. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: ReplyHeaders;
  constructor(status: number, sentence: string, headers: ReplyHeaders = {}) {
    super(sentence);
    this.name = 'Refusal';
    this.status = status;
    this.headers = headers;
  }
}

/** Compact, or with four blanks and a final newline for people. Source: T16 (docs/consul.md). */
export function jsonReply(
  value: unknown,
  pretty: boolean,
  headers: ReplyHeaders = {},
  status = 200,
): HttpReply {
  const compact = (): string => (value instanceof JsonParts ? value.json : JSON.stringify(value));
  const body = pretty ? `${JSON.stringify(value, null, 4)}\n` : compact();
  return new HttpReply(status, body, { 'Content-Type': 'application/json', ...headers });
}

export const textReply = (status: number, sentence: string, headers: ReplyHeaders = {}): HttpReply =>
  new HttpReply(status, sentence, {
    ...(sentence === '' ? {} : { 'Content-Type': 'text/plain; charset=utf-8' }),
    ...headers,
  });

/** The plain sentence an error becomes; `undefined` if it is none of ours. */
export function errorReply(error: unknown, headers: ReplyHeaders = {}): HttpReply | undefined {
  if (!(error instanceof AgentError || error instanceof HttpError)) return undefined;
  // python-consul reads the index of any 404, whatever the path was.
  const index = error.status === 404 ? { 'X-Consul-Index': '1' } : {};
  const own = error instanceof HttpError ? error.headers : {};
  return textReply(error.status, error.message, { ...index, ...headers, ...own });
}
