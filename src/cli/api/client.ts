/** How commands ask the local agent: one HTTP request at a time. Not `fetch`, which costs 20 ms and 13 MB more. */
import { type IncomingMessage, request } from 'node:http';
import type { Command } from 'commander';
import { AGENT_ERRORS } from '../../base/errors.ts';
import { type CliContext, CliError, EXIT } from '../command.ts';
import { readTokenFile } from '../input/files.ts';
import { sanitize } from '../sanitize.ts';

const DEFAULT_ADDRESS = 'http://127.0.0.1:8500';
const SILENCE_TIMEOUT = 60_000;
/** Characters; a longer one is no line of a log. */
const MAX_LINE = 1024 * 1024;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface ClientOptions {
  readonly httpAddr?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

export interface Client {
  /** As it was asked for, for sentences. */
  readonly address: string;
  /** The parsed body. Rejects with `CliError` unless the status is 2xx. */
  get(path: string): Promise<unknown>;
  /** `body` goes as JSON, octets as they are. */
  put(path: string, body?: unknown): Promise<unknown>;
  /** What comes of an endless answer, line by line, until it ends or `signal` aborts. */
  streamLines(path: string, signal: AbortSignal, take: (line: string) => void): Promise<void>;
  /** As `get`, with the index of what was read. Ends early, by rejecting, when `signal` aborts. */
  getWithIndex(path: string, signal: AbortSignal): Promise<AgentResponse>;
}

export interface AgentResponse {
  readonly body: unknown;
  /** 0: the agent told none. */
  readonly index: number;
}

/** The agent answered, and not with 2xx. */
export class HttpStatusError extends CliError {
  readonly status: number;
  constructor(status: number, exit: number, sentence: string) {
    super(exit, sentence);
    this.status = status;
  }
}

/** Adds what every command that speaks to the agent takes. */
export const addClientOptions = (command: Command, json = 'one JSON document on stdout'): Command =>
  command
    .option('--json', json)
    .option('--http-addr <url>', `the agent (env HEARSAY_HTTP_ADDR; default ${DEFAULT_ADDRESS})`)
    .option('--token-file <path>', 'file with the HTTP token (or env HEARSAY_HTTP_TOKEN)');

export async function createClient(cli: CliContext, options: ClientOptions): Promise<Client> {
  const { env } = cli.io;
  const [source, exit] =
    options.httpAddr === undefined
      ? (['HEARSAY_HTTP_ADDR', EXIT.config] as const)
      : (['--http-addr', EXIT.usage] as const);
  const address = options.httpAddr ?? (env['HEARSAY_HTTP_ADDR'] || DEFAULT_ADDRESS);
  const target = targetOf(address);
  if (target === undefined)
    throw new CliError(
      exit,
      `${source}: "${address}" is not an address; write http://host:port or unix:///path`,
    );
  const token =
    options.tokenFile === undefined
      ? env['HEARSAY_HTTP_TOKEN'] || undefined
      : (await readTokenFile(options.tokenFile)).token;
  const ask = (method: string, path: string, more: RequestOptions = {}) =>
    send({ ...target, method, path }, address, { token, ...more });
  return {
    address,
    get: async (path) => (await ask('GET', path)).body,
    put: async (path, body) => (await ask('PUT', path, { body })).body,
    getWithIndex: (path, signal) => ask('GET', path, { signal }),
    streamLines: async (path, signal, take) => void (await ask('GET', path, { signal, onLine: take })),
  };
}

interface RequestOptions {
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Gets each line as it comes; then the answer has no end, and no body. */
  onLine?(line: string): void;
}

type Target = { readonly host: string; readonly port: number } | { readonly socketPath: string };

function targetOf(address: string): Target | undefined {
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(address);
  if (unix !== null) return { socketPath: unix[1] as string };
  if (address.startsWith('unix:')) return undefined;
  const withScheme = address.includes('://') ? address : `http://${address}`;
  if (!URL.canParse(withScheme)) return undefined;
  const url = new URL(withScheme);
  if (url.protocol !== 'http:' || url.hostname === '' || url.username !== '') return undefined;
  if (url.pathname !== '/' || url.search !== '') return undefined;
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 80 : Number(url.port) };
}

function send(
  target: Target & { readonly method: string; readonly path: string },
  address: string,
  { token, body, signal, onLine: take }: RequestOptions & { token: string | undefined },
): Promise<AgentResponse> {
  const raw = body instanceof Uint8Array;
  const payload = raw ? body : body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const silent = (why: string): void =>
      reject(
        new CliError(
          EXIT.noAgent,
          `no agent answers at ${address} (${why}): start one with \`hearsay agent\` or point --http-addr at it`,
        ),
      );
    const ask = request(
      {
        ...target,
        agent: false,
        ...(signal === undefined ? {} : { signal }),
        timeout: SILENCE_TIMEOUT,
        headers: {
          accept: 'application/json',
          'x-agent-request': '1', // not a header a form in a browser can send (S12)
          ...(token === undefined ? {} : { 'x-consul-token': token }),
          ...(target.method === 'GET'
            ? {}
            : {
                'content-type': raw ? 'application/octet-stream' : 'application/json',
                'content-length': Buffer.byteLength(payload),
              }),
        },
      },
      (answer) => {
        if (take !== undefined && answer.statusCode === 200) {
          ask.setTimeout(0); // a log may be silent for long
          return void split(answer, take).then(() => resolve({ body: undefined, index: 0 }), reject);
        }
        const parts: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes > MAX_ANSWER_BYTES) answer.destroy(new Error('the answer is too large'));
          else parts.push(part);
        });
        answer.on('error', (error) => silent(error.message));
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          const status = answer.statusCode ?? 0;
          if (status < 200 || status > 299) reject(toHttpStatusError(status, text));
          else
            try {
              resolve({ body: text === '' ? undefined : JSON.parse(text), index: indexIn(answer) });
            } catch {
              reject(
                new CliError(
                  EXIT.failed,
                  `what answers at ${address} is not an agent: point --http-addr at one`,
                ),
              );
            }
        });
      },
    );
    ask.on('timeout', () => ask.destroy(new Error(`silent for ${SILENCE_TIMEOUT / 1000}s`)));
    ask.on('error', (error: NodeJS.ErrnoException) => silent(error.code ?? error.message));
    ask.end(payload);
  });
}

/** Rejects when the connection breaks. */
async function split(answer: IncomingMessage, take: (line: string) => void): Promise<void> {
  let rest = '';
  answer.setEncoding('utf8');
  for await (const text of answer as AsyncIterable<string>) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
    if (rest.length > MAX_LINE) rest = '';
  }
}

function indexIn({ headers }: IncomingMessage): number {
  const index = Number(headers['x-consul-index']);
  return Number.isSafeInteger(index) && index > 0 ? index : 0;
}

/** The agent's own sentence with the exit code its status stands for. */
function toHttpStatusError(status: number, body: string): HttpStatusError {
  const sentence = sentenceIn(body) || `the agent answered ${status}`;
  const kind = Object.values(AGENT_ERRORS).find((one) => one.status === status);
  const hint =
    status === 401 || status === 403 ? '; give the token by HEARSAY_HTTP_TOKEN or --token-file' : '';
  return new HttpStatusError(status, kind?.exit ?? EXIT.failed, sentence + hint);
}

/** Errors come as plain text, as Consul's do, or as `{"error": "…"}`. */
function sentenceIn(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && 'error' in value && typeof value.error === 'string')
      return sanitize(value.error);
    if (typeof value === 'string') return sanitize(value);
  } catch {
    // not JSON: the sentence itself
  }
  return sanitize(body).trim().slice(0, 400);
}
