/**
 * The HTTP check: 2xx is passing, 429 is warning, everything else critical. One connection per request, one redirect on the
 * same host at most (SSRF), and no more of the body is read than is kept.
 *
 * Source: Consul agent/checks/check.go, CheckHTTP.
 */

import { type IncomingMessage, request as openRequest } from 'node:http';
import { encodeUtf8 } from '../../base/bytes.ts';
import { utf8Head } from '../../checks/output.ts';
import type { CheckProbe } from '../../checks/types.ts';
import { CHECK_HEADER } from '../../config/servers/http.ts';
import type { CheckStatus } from '../../model/service.ts';
import { type DialTarget, dial, resolveTarget } from './dial.ts';
import { type RunContext, type Runner, withErrorPrefix } from './runner.ts';

/** Source: S15. Differs: Consul follows ten. */
const MAX_REDIRECTS = 1;
/** The body is output for people. Once the status is known, it is awaited for this long at most. */
const MAX_BODY_WAIT_MS = 1000;
/** Headers that are set here and not taken from the definition. */
const OWN_HEADERS = new Set([
  ...['connection', 'content-length', 'transfer-encoding', 'upgrade', 'expect', CHECK_HEADER],
]);

type HttpProbe = Extract<CheckProbe, { kind: 'http' }>;

interface CheckRequest {
  readonly url: URL;
  readonly method: string;
  readonly body: string;
  /** After a redirect to another port or scheme: what the definition sends may be meant for one program only. */
  readonly bare?: true;
}

export const runHttp: Runner<'http'> = async (probe, run) => {
  const { label, code, message, body } = await requestHttp(probe, run);
  return { status: toStatus(code), output: `${label}: ${code} ${message} Output: ${body}` };
};

/** What a server has answered, after a redirect if the probe follows one. `label` names the request. */
export interface HttpAnswer {
  readonly label: string;
  readonly code: number;
  readonly message: string;
  readonly body: string;
}

/** Rejects with a message for users, which begins with what was requested. */
export async function requestHttp(probe: HttpProbe, run: RunContext): Promise<HttpAnswer> {
  const label = `HTTP ${probe.method} ${redactUrl(probe.url)}`;
  return withErrorPrefix(label, async () => {
    let request: CheckRequest = { url: parseUrl(probe.url), method: probe.method, body: probe.body };
    let target = await resolveTarget(formatTarget(request.url), run);
    for (let redirects = 0; ; redirects++) {
      const response = await send(request, probe, target, run);
      const { statusCode: code = 0, statusMessage: message = '' } = response;
      const next =
        probe.followRedirects && redirects < MAX_REDIRECTS ? followRedirect(request, response) : undefined;
      if (next === undefined) return { label, code, message, body: await readBody(response, run) };
      response.destroy();
      request = next;
      target = { ...target, port: portOf(request.url) }; // the same host, so the same addresses
    }
  });
}

function toStatus(code: number): CheckStatus {
  if (code >= 200 && code < 300) return 'passing';
  return code === 429 ? 'warning' : 'critical';
}

async function send(
  request: CheckRequest,
  probe: HttpProbe,
  target: DialTarget,
  run: RunContext,
): Promise<IncomingMessage> {
  const { url, method, body } = request;
  const tls =
    url.protocol === 'https:'
      ? { serverName: probe.tlsServerName, skipVerify: probe.tlsSkipVerify }
      : undefined;
  const socket = await dial(target, tls, run);
  return new Promise((resolve, reject) => {
    const outgoing = openRequest({
      createConnection: () => socket,
      method,
      path: url.pathname + url.search,
      headers: buildHeaders(probe, request),
    });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.on('close', () => reject(new Error('connection closed without a response')));
    outgoing.end(body);
  });
}

/** Headers of the definition override the defaults. A `Host` header names another host to the server. */
function buildHeaders(
  probe: HttpProbe,
  { url, body, bare }: CheckRequest,
): Record<string, string | string[]> {
  const headers = new Map<string, string | string[]>([
    ['host', url.host],
    ['user-agent', 'Consul Health Check'],
    ['accept', 'text/plain, text/*, */*'],
    [CHECK_HEADER, '1'], // agents refuse to be changed by it: a check of a tenant is no command
  ]);
  if (bare === true) return Object.fromEntries(headers);
  if (url.username !== '' || url.password !== '') {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  }
  for (const [name, values] of probe.headers) {
    const key = name.toLowerCase();
    const [first] = values;
    if (first === undefined || OWN_HEADERS.has(key)) continue;
    headers.set(key, values.length === 1 || key === 'host' ? first : [...values]);
  }
  if (body !== '') headers.set('content-length', String(encodeUtf8(body).length));
  return Object.fromEntries(headers);
}

/** The next request, if the response redirects to the same host. */
function followRedirect(
  request: CheckRequest,
  { statusCode = 0, headers }: IncomingMessage,
): CheckRequest | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return undefined;
  if (!URL.canParse(headers.location, request.url.href)) return undefined;
  const url = new URL(headers.location, request.url);
  if (url.hostname !== request.url.hostname || !/^https?:$/.test(url.protocol)) return undefined;
  const isHead = request.method === 'HEAD';
  if (url.origin !== request.url.origin)
    return { url: withoutUser(url), method: isHead ? 'HEAD' : 'GET', body: '', bare: true };
  url.username = request.url.username;
  url.password = request.url.password;
  if (statusCode >= 307 || request.method === 'GET' || isHead) return { ...request, url };
  return { url, method: 'GET', body: '' };
}

/** Reads as much of the body as is kept. */
function readBody(response: IncomingMessage, run: RunContext): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const done = (): void => {
      clearTimeout(timer);
      response.destroy();
      resolve(utf8Head(Buffer.concat(chunks), run.outputMaxBytes));
    };
    const timer = setTimeout(done, Math.min(MAX_BODY_WAIT_MS, run.timeout / 2)).unref();
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= run.outputMaxBytes) done();
    });
    response.on('error', done);
    response.on('close', done);
  });
}

const portOf = (url: URL): number => Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
/** `host:port`; a URL has IPv6 in brackets already. */
const formatTarget = (url: URL): string => `${url.hostname}:${portOf(url)}`;

/** Go reads brackets around an IPv4 address, too, and Fabio writes them. Throws `Error` with a message for users. */
function parseUrl(text: string): URL {
  const url = text.replace(/^(https?:\/\/(?:[^/?#@]*@)?)\[(\d+\.\d+\.\d+\.\d+)\]/i, '$1$2');
  if (!URL.canParse(url)) throw new Error('the URL has no host and port that can be dialed');
  return new URL(url);
}

/** Removes user and password from a URL that is shown. */
const redactUrl = (url: string): string => url.replace(/^(https?:\/\/)[^/?#]*@/i, '$1');

function withoutUser(url: URL): URL {
  url.username = '';
  url.password = '';
  return url;
}
