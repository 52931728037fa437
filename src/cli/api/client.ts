/** HTTP client of the local agent. It uses node:http, since `fetch` costs 20 ms and 13 MB more. */
import type { IncomingMessage } from 'node:http';
import { type Command, Option } from 'commander';
import { AGENT_ERRORS } from '../../base/errors.ts';
import { TOKEN_FILE_HEADER } from '../../config/servers/http.ts';
import { readTokenFile } from '../../files/config-files.ts';
import { readOperatorToken } from '../../files/operator-token.ts';
import { addJsonOption, type CliContext, CliError, EXIT, printNotice } from '../command.ts';
import { CONNECTION } from '../help.ts';
import { sanitize } from '../sanitize.ts';
import { splitLines } from './lines.ts';
import { formatPlace, openTarget, parseAgentAddress, type Target, tlsPaths } from './target.ts';

const DEFAULT_ADDRESS = 'http://127.0.0.1:8500';
/** Milliseconds without a byte from the agent: writes and blocking queries may take long. */
const SILENCE_TIMEOUT = 60_000;
/** For reads that are answered at once, so that an agent that hangs is noticed. */
const READ_TIMEOUT = 5_000;
/** By how long a reader waits; `slow`: the agent itself asks others first. */
const READ_TIMEOUTS = { quick: 1_000, slow: SILENCE_TIMEOUT } as const;
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

export interface ClientOptions {
  readonly httpAddr?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly json?: boolean;
}

export interface Client {
  /** As the user gave it, for messages. */
  readonly address: string;
  /** The parsed body. Rejects with `CliError` unless the status is 2xx. */
  get(path: string, speed?: keyof typeof READ_TIMEOUTS): Promise<unknown>;
  /** Sends `body` as JSON, or bytes as they are. */
  put(path: string, body?: unknown, signal?: AbortSignal): Promise<unknown>;
  /** Sends `body` as JSON, and calls `onLine` for each line of the answer until it ends. Rejects if it falls silent. */
  hold(path: string, body: unknown, signal: AbortSignal, onLine: (line: string) => void): Promise<void>;
  delete(path: string, signal?: AbortSignal): Promise<unknown>;
  /**
   * Calls `onLine` for each line of a response without end, until it ends or `signal` aborts. Rejects if it falls silent for
   * `silence` milliseconds; 0: its lines may be any time apart.
   */
  streamLines(
    path: string,
    signal: AbortSignal,
    onLine: (line: string) => void,
    silence?: number,
  ): Promise<void>;
  /** Like `get`, with the index of the state that was read. Rejects early when `signal` aborts. */
  getWithIndex(path: string, signal: AbortSignal): Promise<AgentResponse>;
}

export interface AgentResponse {
  readonly body: unknown;
  /** 0 if the agent sent none. */
  readonly index: number;
  /** Why a change is not kept on disk; empty if it is, or need not be. */
  readonly unsaved: string;
  /** A sentence on what was done and is probably not meant; empty if there is none. */
  readonly warning: string;
}

/** The agent responded with a status other than 2xx. */
export class HttpStatusError extends CliError {
  readonly status: number;
  /** The file of the agent's operator token, if it is on this host and a token is missing; else empty. */
  readonly tokenFile: string;
  constructor(status: number, exit: number, message: string, tokenFile = '') {
    super(exit, message);
    this.status = status;
    this.tokenFile = tokenFile;
  }
}

/** Adds the options of every command that talks to the agent and prints what it says. */
export const addClientOptions = (command: Command, json?: string): Command =>
  addConnectionOptions(addJsonOption(command, json));

/** Adds the options of every command that talks to the agent. */
export const addConnectionOptions = (command: Command): Command =>
  command
    .addOption(
      connectionOption(
        '--http-addr <url>',
        `Address of the agent (env HEARSAY_HTTP_ADDR; default: ${DEFAULT_ADDRESS})`,
      ),
    )
    .addOption(
      connectionOption('--token-file <path>', 'File with the HTTP token (or env HEARSAY_HTTP_TOKEN)'),
    )
    .addOption(
      connectionOption(
        '--ca-file <path>',
        'File with the certificates that an https:// address is checked against (env HEARSAY_HTTP_CA_FILE)',
      ),
    );

const connectionOption = (flags: string, text: string): Option =>
  new Option(flags, text).helpGroup(CONNECTION);

export async function createClient(cli: CliContext, options: ClientOptions): Promise<Client> {
  const { env } = cli.io;
  const [source, exit] =
    options.httpAddr === undefined
      ? (['HEARSAY_HTTP_ADDR', EXIT.config] as const)
      : (['--http-addr', EXIT.usage] as const);
  const address = options.httpAddr ?? (env['HEARSAY_HTTP_ADDR'] || DEFAULT_ADDRESS);
  const parsed = parseAgentAddress(address);
  if (parsed === undefined)
    throw new CliError(
      exit,
      `${source}: "${address}" is not an address; write http://host:port, https://host:port or unix:///path`,
    );
  const token =
    options.tokenFile === undefined
      ? env['HEARSAY_HTTP_TOKEN'] || undefined
      : (await readTokenFile(options.tokenFile)).token;
  const target = await openTarget(parsed.place, parsed.isTls, tlsPaths(cli.io, options.caFile));
  let held = token;
  const call = async (method: string, path: string, more: RequestOptions = {}): Promise<AgentResponse> => {
    const attempt = (): Promise<AgentResponse> =>
      send(target, { method, path }, address, { token: held, ...more });
    try {
      return await attempt();
    } catch (error) {
      if (held !== undefined || !(error instanceof HttpStatusError) || error.tokenFile === '') throw error;
      held = await readOperatorToken(error.tokenFile, formatPlace(target.place));
      if (held === undefined) throw error;
      return attempt();
    }
  };
  const write = async (method: string, path: string, more?: RequestOptions): Promise<unknown> => {
    const response = await call(method, path, more);
    if (response.unsaved !== '')
      printNotice(
        cli.io,
        `warning: this will not survive a restart, since the data directory cannot be written: ${sanitize(response.unsaved)}`,
      );
    if (response.warning !== '') printNotice(cli.io, `warning: ${response.warning}`);
    return response.body;
  };
  return {
    address,
    get: async (path, speed) => {
      const timeout = speed === undefined ? READ_TIMEOUT : READ_TIMEOUTS[speed];
      return (await call('GET', path, { timeout })).body;
    },
    put: (path, body, signal) => write('PUT', path, { body, ...(signal === undefined ? {} : { signal }) }),
    delete: (path, signal) => write('DELETE', path, signal === undefined ? {} : { signal }),
    getWithIndex: (path, signal) =>
      call('GET', path, { signal, ...(/[?&]index=/.test(path) ? {} : { timeout: READ_TIMEOUT }) }),
    streamLines: async (path, signal, onLine, silence = 0) =>
      void (await call('GET', path, { signal, onLine, silence })),
    hold: async (path, body, signal, onLine) => void (await call('PUT', path, { body, signal, onLine })),
  };
}

interface RequestOptions {
  readonly body?: unknown;
  /** Milliseconds without a byte; by default `SILENCE_TIMEOUT`. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** Receives each line as it arrives. The response then has no body. */
  onLine?(line: string): void;
  /** Milliseconds without a byte once the response has begun; by default `timeout`. */
  readonly silence?: number;
}

interface OutgoingRequest extends RequestOptions {
  readonly token: string | undefined;
}

function send(
  target: Target,
  what: { readonly method: string; readonly path: string },
  address: string,
  { token, body, signal, onLine, timeout = SILENCE_TIMEOUT, silence = timeout }: OutgoingRequest,
): Promise<AgentResponse> {
  const isRaw = body instanceof Uint8Array;
  const payload = isRaw ? body : body === undefined ? '' : JSON.stringify(body);
  const contentHeaders = {
    'content-type': isRaw ? 'application/octet-stream' : 'application/json',
    'content-length': Buffer.byteLength(payload),
  };
  let patience = timeout;
  return new Promise((resolve, reject) => {
    const outgoing = target.request(
      {
        ...target.place,
        ...target.tls,
        ...what,
        agent: false,
        ...(signal === undefined ? {} : { signal }),
        timeout,
        headers: {
          accept: 'application/json',
          'x-agent-request': '1', // a header that no HTML form can send: against CSRF (S12)
          ...(token === undefined ? {} : { 'x-consul-token': token }),
          ...(what.method === 'GET' ? {} : contentHeaders),
        },
      },
      (response) => {
        if (onLine === undefined || response.statusCode !== 200) {
          readResponse(response, address).then(resolve, reject);
          return;
        }
        patience = silence;
        outgoing.setTimeout(patience);
        splitLines(response, address, onLine).then(
          () => resolve({ body: undefined, index: 0, unsaved: '', warning: '' }),
          reject,
        );
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no response for ${patience / 1000}s`)));
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      reject(toNoAgentError(address, tlsReason(error) ?? error.code ?? error.message)),
    );
    outgoing.end(payload);
  });
}

/** What to do about a certificate that is not trusted, or one that is asked for. */
function tlsReason({ code = '', message }: NodeJS.ErrnoException): string | undefined {
  if (/^(?:UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_)/.test(code))
    return `${code}: give the certificate of its authority with --ca-file`;
  if (/ALERT|CERTIFICATE_REQUIRED/.test(code))
    return `${message}: set HEARSAY_HTTP_CLIENT_CERT_FILE and HEARSAY_HTTP_CLIENT_KEY_FILE`;
  return code === 'EPROTO' || code.startsWith('ERR_SSL')
    ? 'it speaks no TLS: write http:// in place of https://'
    : undefined;
}

const toNoAgentError = (address: string, reason: string): CliError =>
  new CliError(
    EXIT.noAgent,
    `no agent answers at ${address} (${reason}): start one with \`hearsay agent\` or point --http-addr at it`,
  );

/** The parsed body and the index. Rejects with `CliError` unless the status is 2xx and the body is JSON. */
async function readResponse(response: IncomingMessage, address: string): Promise<AgentResponse> {
  const text = await readText(response).catch((error: Error) => {
    throw toNoAgentError(address, error.message);
  });
  const status = response.statusCode ?? 0;
  // Agents never answer in HTML. Another server on this port does, in its errors first.
  const isForeign = /^text\/html\b/.test(response.headers['content-type'] ?? '');
  if (isForeign) throw toForeignServerError(address);
  if (status < 200 || status > 299) throw toHttpStatusError(status, text, tokenFileIn(response));
  try {
    const textOf = (name: string): string => {
      const value = response.headers[name];
      return typeof value === 'string' ? value : '';
    };
    return {
      body: text === '' ? undefined : JSON.parse(text),
      index: indexIn(response),
      unsaved: textOf('x-hearsay-unsaved'),
      warning: textOf('x-hearsay-warning'),
    };
  } catch {
    throw toForeignServerError(address);
  }
}

const toForeignServerError = (address: string): CliError =>
  new CliError(EXIT.failed, `the server at ${address} is not a hearsay agent: point --http-addr at one`);

async function readText(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_RESPONSE_BYTES) throw new Error('the response is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function indexIn({ headers }: IncomingMessage): number {
  const index = Number(headers['x-consul-index']);
  return Number.isSafeInteger(index) && index > 0 ? index : 0;
}

function tokenFileIn({ headers }: IncomingMessage): string {
  const path = headers[TOKEN_FILE_HEADER];
  try {
    return typeof path === 'string' ? decodeURI(path) : '';
  } catch {
    return '';
  }
}

/** The agent's own message, with the exit code of its status. */
function toHttpStatusError(status: number, body: string, tokenFile: string): HttpStatusError {
  const message = errorMessageIn(body) || `the agent returned status ${status}`;
  const kind = Object.values(AGENT_ERRORS).find((one) => one.status === status);
  const hint =
    status === 401 || status === 403
      ? '; pass the token in HEARSAY_HTTP_TOKEN or --token-file'
      : message.startsWith('Unknown service ID') // Consul's words have no next step
        ? ' `hearsay services NAME` shows the IDs'
        : '';
  return new HttpStatusError(status, kind?.exit ?? EXIT.failed, message + hint, tokenFile);
}

/** The message of an error response: plain text, as Consul's are, or `{"error": "..."}`. */
function errorMessageIn(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && 'error' in value && typeof value.error === 'string')
      return sanitize(value.error);
    if (typeof value === 'string') return sanitize(value);
  } catch {
    // not JSON: the message itself
  }
  return sanitize(body).trim().slice(0, 400);
}
