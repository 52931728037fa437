/** Answers before they are bytes: what a route gives back, and what is thrown to refuse. */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { AgentError } from '../base/errors.ts';
import { COMMON_HEADERS } from './headers.ts';
import { Parts } from './rows.ts';

export type Headers = Readonly<Record<string, string>>;

/** A finished answer. Routes that answer 200 with JSON just return the value instead. */
export class Reply {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
  #packed: Promise<Uint8Array> | undefined;
  constructor(status: number, body = '', headers: Headers = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }

  /** The body by gzip, made once however many ask for it, and not on the thread that gossips. */
  packed(): Promise<Uint8Array> {
    this.#packed ??= pack(this.body, { level: constants.Z_BEST_SPEED });
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
}

const pack = promisify<string, { level: number }, Uint8Array>(gzip);
/** Shorter bodies fit a packet or two as they are. Source: http.md T14. */
const MIN_PACKED_BYTES = 1400;

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

/** The length is given even for an empty body: Go and Python clients want `200` and `Content-Length: 0`. */
export function respond(reply: Reply): Response {
  const length = String(Buffer.byteLength(reply.body));
  const headers = { ...COMMON_HEADERS, ...reply.headers, 'Content-Length': length };
  return new Response(reply.body === '' ? null : reply.body, { status: reply.status, headers });
}

/** As `respond`, but packed if the client can read that and it is worth it. */
export async function respondTo(acceptEncoding: string | undefined, reply: Reply): Promise<Response> {
  if (reply instanceof StreamReply)
    return new Response(reply.stream, { headers: { ...COMMON_HEADERS, ...reply.headers } });
  if (reply.body.length < MIN_PACKED_BYTES || !takesGzip(acceptEncoding)) return respond(reply);
  const bytes = await reply.packed();
  const headers = {
    ...COMMON_HEADERS,
    ...reply.headers,
    'Content-Encoding': 'gzip',
    'Content-Length': String(bytes.length),
  };
  return new Response(bytes as Uint8Array<ArrayBuffer>, { status: reply.status, headers });
}

/** Named, and not with a quality of 0. */
function takesGzip(acceptEncoding = ''): boolean {
  return acceptEncoding.split(',').some((coding) => {
    const [name = '', ...parameters] = coding.split(';').map((part) => part.trim().toLowerCase());
    return name === 'gzip' && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}
