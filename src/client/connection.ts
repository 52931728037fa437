/** Requests to the agent over HTTP, on TCP or a socket file, and the pauses between attempts to reach it. */
import { type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ConnectOptions {
  /** `http://HOST:PORT` or `unix:///PATH`; by default `HEARSAY_HTTP_ADDR`, else `http://127.0.0.1:8500`. */
  readonly http?: string;
  /** By default `HEARSAY_HTTP_TOKEN`. */
  readonly token?: string;
  /** Hears when the agent is away and back. Without one the library is silent; pino and `console` fit. */
  readonly logger?: ClientLogger;
}

export interface ClientLogger {
  info(message: string): void;
  warn(message: string): void;
}

/** The agent refused a request, and would refuse it again. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

export interface AgentRequest {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** The longest silence, in milliseconds. */
  readonly silence?: number;
}

const SILENCE = 10_000;
const MAX_ERROR_CHARS = 1000;
const DEFAULT_ADDRESS = 'http://127.0.0.1:8500';

export class AgentConnection {
  readonly logger: ClientLogger | undefined;
  readonly address: string;
  readonly #token: string | undefined;

  constructor({ http, token, logger }: ConnectOptions, env: Readonly<Record<string, string | undefined>>) {
    this.address = http ?? (env['HEARSAY_HTTP_ADDR'] || DEFAULT_ADDRESS);
    this.#token = token ?? (env['HEARSAY_HTTP_TOKEN'] || undefined);
    this.logger = logger;
  }

  /** Resolves when the head of a 200 has arrived; rejects with `RefusedError` for a 4xx, and for an address that is none. */
  send(one: AgentRequest): Promise<IncomingMessage> {
    const { path, method, headers, body, signal, silence = SILENCE } = one;
    return new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const outgoing = request(
        {
          ...parseAgentAddress(this.address),
          ...{ method, path, agent: false, timeout: silence },
          ...(signal === undefined ? {} : { signal }),
          headers: {
            ...headers,
            'x-agent-request': '1', // a header that no HTML form can send: against CSRF (S12)
            ...(this.#token === undefined ? {} : { 'x-consul-token': this.#token }),
            ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
          },
        },
        (response) => {
          if (response.statusCode === 200) resolve(response);
          else readError(response).then(reject, reject);
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no word for ${silence / 1000} s`)));
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }

  /** Sends a request whose answer is not looked at. */
  async tell(one: AgentRequest): Promise<void> {
    const response = await this.send(one);
    for await (const _ of response);
  }
}

/** Takes an address without a scheme, too, as the commands do. */
function parseAgentAddress(address: string): { socketPath: string } | { host: string; port: number } {
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(address);
  if (unix !== null) return { socketPath: unix[1] as string };
  const url = address.includes('://') ? address : `http://${address}`;
  if (!URL.canParse(url) || !url.startsWith('http://'))
    throw new RefusedError(`"${address}" is no address of an agent: use http://HOST:PORT or unix:///PATH`);
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) };
}

async function readError(response: IncomingMessage): Promise<Error> {
  const status = response.statusCode ?? 0;
  let text = '';
  for await (const chunk of response) if (text.length < MAX_ERROR_CHARS) text += String(chunk);
  const sentence = `the agent answered ${status}: ${text.trim().slice(0, MAX_ERROR_CHARS)}`;
  const isFinal = status >= 400 && status < 500 && status !== 429;
  return isFinal ? new RefusedError(sentence) : new Error(sentence);
}

/** The text of a response, line by line. */
export async function* readLines(response: IncomingMessage): AsyncGenerator<string, void, undefined> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of response) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

/** Pauses between attempts, in milliseconds: each up to twice the one before, drawn so that clients do not come together. */
export interface BackoffLimits {
  readonly first: number;
  readonly longest: number;
}

export const BACKOFF: BackoffLimits = { first: 100, longest: 5000 };

export class ReconnectBackoff {
  readonly #limits: BackoffLimits;
  #next: number;

  constructor(limits: BackoffLimits) {
    this.#limits = limits;
    this.#next = limits.first;
  }

  reset(): void {
    this.#next = this.#limits.first;
  }

  /** Ends early, and does not throw, when `signal` aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    const pause = this.#next * (0.5 + Math.random() / 2);
    this.#next = Math.min(this.#limits.longest, 2 * this.#next);
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}
