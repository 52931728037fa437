/** HTTP responses: what a route returns, how it is encoded, and the errors that become one. */
import { promisify } from 'node:util';
import { AgentError } from '../../../base/errors.ts';
import { COMMON_HEADERS } from './headers.ts';
import { JsonParts } from './json-parts.ts';

export type ReplyHeaders = Readonly<Record<string, string>>;

/** An encoded response. Header names and values alternate in one array, which Node writes fastest. */
export interface EncodedReply {
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/**
 * A finished response, encoded once for all clients it goes to. Routes that reply 200 with JSON return just the value.
 */
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

  /**
   * An empty body has a length, too: Go and Python clients want `200` and `Content-Length: 0`. Only 304 has none, which
   * would be that of the body not sent.
   */
  get rawHeaders(): readonly string[] {
    const length: ReplyHeaders = this.status === 304 ? {} : { 'Content-Length': String(this.body.length) };
    this.#rawHeaders ??= toRawHeaders(this.headers, length);
    return this.#rawHeaders;
  }

  /** Compressed once, on a thread of the pool, so that gossip is not delayed. */
  gzipped(): Promise<EncodedReply> {
    this.#gzipped ??= compress(this.body).then((body) => {
      const length = String(body.length);
      return {
        rawHeaders: toRawHeaders(this.headers, { 'Content-Encoding': 'gzip', 'Content-Length': length }),
        body,
      };
    });
    return this.#gzipped;
  }
}

/** A response without an end: the stream is read as fast as the client takes it. */
export class StreamReply extends HttpReply {
  readonly stream: ReadableStream<Uint8Array>;
  constructor(stream: ReadableStream<Uint8Array>, headers: ReplyHeaders) {
    super(200, '', headers);
    this.stream = stream;
  }

  /** Without a length. */
  override get rawHeaders(): readonly string[] {
    return toRawHeaders(this.headers);
  }
}

const toRawHeaders = (headers: ReplyHeaders, more: ReplyHeaders = {}): readonly string[] =>
  Object.entries({ ...COMMON_HEADERS, ...headers, ...more }).flat();

async function compress(body: Buffer): Promise<Buffer> {
  const { constants, gzip } = await import('node:zlib'); // half a megabyte that few agents need
  return promisify<Buffer, { level: number }, Buffer>(gzip)(body, { level: constants.Z_BEST_SPEED });
}

/** An error with a status that only HTTP has (429, 401 ...); all others are `AgentError`s. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: ReplyHeaders;
  constructor(status: number, sentence: string, headers: ReplyHeaders = {}) {
    super(sentence);
    this.name = 'HttpError';
    this.status = status;
    this.headers = headers;
  }
}

/** Compact, or indented by four spaces with a final newline. Source: T16 (docs/consul.md). */
export function jsonReply(
  value: unknown,
  pretty: boolean,
  headers: ReplyHeaders = {},
  status = 200,
): HttpReply {
  const body = pretty
    ? `${JSON.stringify(value, null, 4)}\n`
    : value instanceof JsonParts
      ? value.json
      : JSON.stringify(value);
  return new HttpReply(status, body, { 'Content-Type': 'application/json', ...headers });
}

export const textReply = (status: number, sentence: string, headers: ReplyHeaders = {}): HttpReply =>
  new HttpReply(status, sentence, {
    ...(sentence === '' ? {} : { 'Content-Type': 'text/plain; charset=utf-8' }),
    ...headers,
  });

/** The message of an error as plain text; `undefined` for errors that are a fault of the agent. */
export function errorReply(error: unknown, headers: ReplyHeaders = {}): HttpReply | undefined {
  if (!(error instanceof AgentError || error instanceof HttpError)) return undefined;
  // python-consul reads the index of every 404, whatever the path.
  const index = error.status === 404 ? { 'X-Consul-Index': '1' } : {};
  const own = error instanceof HttpError ? error.headers : {};
  return textReply(error.status, error.message, { ...index, ...headers, ...own });
}
