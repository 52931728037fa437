/**
 * A check by HTTP: 2xx is passing, 429 a warning, all else critical. One connection per request, redirects only on
 * the same host, and no more of the body than is kept.
 *
 * Source: Consul agent/checks/check.go, CheckHTTP.
 */

import { type IncomingMessage, request } from 'node:http';
import { encodeUtf8 } from '../../base/bytes.ts';
import { utf8Head } from '../../checks/output.ts';
import type { CheckProbe } from '../../checks/types.ts';
import type { CheckStatus } from '../../model/service.ts';
import { type DialTarget, dial, resolveTarget } from './dial.ts';
import { type RunContext, type Runner, withErrorPrefix } from './runner.ts';

const MAX_REDIRECTS = 3;
/** Once the status is known the body is only for people to read: it is not waited for any longer than this. */
const MAX_BODY_WAIT_MS = 1000;
/** These are made here, not taken from the definition. */
const OWN_HEADERS = new Set(['connection', 'content-length', 'transfer-encoding', 'upgrade', 'expect']);

type HttpProbe = Extract<CheckProbe, { kind: 'http' }>;

interface CheckRequest {
  readonly url: URL;
  readonly method: string;
  readonly body: string;
}

export const runHttp: Runner<'http'> = async (probe, run) => {
  let ask: CheckRequest = { url: new URL(probe.url), method: probe.method, body: probe.body };
  const words = `HTTP ${probe.method} ${redactUrl(probe.url)}`;
  return withErrorPrefix(words, async () => {
    let place = await resolveTarget(targetOf(ask.url), run);
    for (let redirects = 0; ; redirects++) {
      const response = await send(ask, probe, place, run);
      const { statusCode = 0, statusMessage = '' } = response;
      const next = probe.followRedirects && redirects < MAX_REDIRECTS ? redirected(ask, response) : undefined;
      if (next === undefined) {
        const body = await bodyOf(response, run);
        return {
          status: statusOf(statusCode),
          output: `${words}: ${statusCode} ${statusMessage} Output: ${body}`,
        };
      }
      response.destroy();
      ask = next;
      place = { ...place, port: portOf(ask.url) }; // the same host, as it was resolved
    }
  });
};

function statusOf(code: number): CheckStatus {
  if (code >= 200 && code < 300) return 'passing';
  return code === 429 ? 'warning' : 'critical';
}

async function send(
  ask: CheckRequest,
  probe: HttpProbe,
  place: DialTarget,
  run: RunContext,
): Promise<IncomingMessage> {
  const { url, method, body } = ask;
  const tls =
    url.protocol === 'https:'
      ? { serverName: probe.tlsServerName, skipVerify: probe.tlsSkipVerify }
      : undefined;
  const socket = await dial(place, tls, run);
  return new Promise((resolve, reject) => {
    const asking = request({
      createConnection: () => socket,
      method,
      path: url.pathname + url.search,
      headers: headersOf(probe, ask),
    });
    asking.on('response', resolve);
    asking.on('error', reject);
    asking.on('close', () => reject(new Error('connection closed without an answer')));
    asking.end(body);
  });
}

/** The definition's headers over ours; `Host` among them names another host to the server. */
function headersOf(probe: HttpProbe, { url, body }: CheckRequest): Record<string, string | string[]> {
  const headers = new Map<string, string | string[]>([
    ['host', url.host],
    ['user-agent', 'Consul Health Check'],
    ['accept', 'text/plain, text/*, */*'],
  ]);
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

/** Where the answer sends us, if that is the same host. */
function redirected(
  ask: CheckRequest,
  { statusCode = 0, headers }: IncomingMessage,
): CheckRequest | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return undefined;
  if (!URL.canParse(headers.location, ask.url.href)) return undefined;
  const url = new URL(headers.location, ask.url);
  if (url.hostname !== ask.url.hostname || !/^https?:$/.test(url.protocol)) return undefined;
  url.username = ask.url.username;
  url.password = ask.url.password;
  if (statusCode >= 307 || ask.method === 'GET' || ask.method === 'HEAD') return { ...ask, url };
  return { url, method: 'GET', body: '' };
}

/** As much of it as is kept; the rest is not read. */
function bodyOf(response: IncomingMessage, run: RunContext): Promise<string> {
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
/** URLs write IPv6 in brackets already. */
const targetOf = (url: URL): string => `${url.hostname}:${portOf(url)}`;

/** For people: a password in the URL is not shown. */
function redactUrl(url: string): string {
  const shown = new URL(url);
  if (shown.username === '' && shown.password === '') return url;
  shown.username = '';
  shown.password = '';
  return shown.href;
}
