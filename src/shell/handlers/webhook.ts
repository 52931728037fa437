/**
 * Webhook handlers: an event is posted as a JSON document. Each attempt has a timeout, and a temporary failure is
 * retried with exponential backoff. Redirects are not followed, and no more of the response is read than is kept.
 */
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeUtf8, encodeUtf8 } from '../../base/bytes.ts';
import { describeError } from '../../base/errno.ts';
import type { Millis } from '../../base/time.ts';
import { VERSION } from '../../base/version.ts';
import { eventType } from '../../serf/event-filter.ts';
import type { HandlerEvent, SerfMember } from '../../serf/types.ts';
import { type Action, MAX_HANDLER_OUTPUT_BYTES, OutputHead, withTimeout } from './action.ts';
import type { LocalNode } from './serf-env.ts';

/** Pauses between attempts. A query is posted once: its sender does not wait that long. */
const RETRY_PAUSES: readonly Millis[] = [1000, 4000, 16_000];

/** Only tests set `pauses`. */
export const webhookAction =
  (url: string, timeout: number, pauses = RETRY_PAUSES): Action =>
  async (event, self, signal) => {
    const body = encodeUtf8(JSON.stringify(toDocument(event, self)));
    const remainingPauses = event.kind === 'query' ? [] : [...pauses];
    for (;;) {
      try {
        return await post(new URL(url), body, timeout, signal);
      } catch (error) {
        const pause = error instanceof PermanentError ? undefined : remainingPauses.shift();
        if (pause === undefined || signal.aborted) throw error;
        await sleep(pause, undefined, { signal });
      }
    }
  };

/** The server's origin, for logs. Path and query may hold secrets. */
export const webhookOrigin = (url: string): string => new URL(url).origin;

/** The document that receivers parse: its field names are public. */
function toDocument(event: HandlerEvent, self: LocalNode): object {
  const common = { event: eventType(event), node: self.name };
  if (event.kind === 'members') return { ...common, members: event.members.map(toMemberDocument) };
  const { name, ltime, payload } = event.kind === 'user' ? event.event : event.query;
  const base64 = Buffer.from(payload).toString('base64');
  const document = { ...common, name, ltime, payload: decodeUtf8(payload), base64 };
  return event.kind === 'user' ? document : { ...document, from: event.query.from };
}

const toMemberDocument = ({ name, member, tags }: SerfMember): object => ({
  name,
  addr: member.identity.address.host,
  port: member.identity.address.port,
  tags: Object.fromEntries(tags),
});

/** An error that is not retried. */
class PermanentError extends Error {}

async function post(url: URL, body: Uint8Array, timeout: number, closing: AbortSignal): Promise<Uint8Array> {
  return withTimeout(timeout, `no response in ${timeout / 1000} s`, closing, async (signal) => {
    const response = await send(url, body, signal);
    const output = await readAll(response);
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return output;
    const message = `HTTP status ${statusCode}`;
    if (statusCode >= 500 || statusCode === 429) throw new Error(message);
    throw new PermanentError(
      statusCode >= 300 && statusCode < 400 ? `${message}; redirects are not followed` : message,
    );
  });
}

async function send(url: URL, body: Uint8Array, signal: AbortSignal): Promise<IncomingMessage> {
  const options: RequestOptions = {
    method: 'POST',
    agent: false, // one connection per request
    signal,
    headers: {
      'content-type': 'application/json',
      'content-length': body.length,
      'user-agent': `hearsay/${VERSION}`,
    },
  };
  const open = url.protocol === 'https:' ? (await import('node:https')).request : request;
  return new Promise((resolve, reject) => {
    const outgoing = open(url, options);
    outgoing.on('response', resolve);
    outgoing.on('error', (error) => reject(new Error(describeError(error))));
    outgoing.end(body);
  });
}

/** Rejects with `PermanentError` if the response is longer than the limit. */
async function readAll(response: IncomingMessage): Promise<Uint8Array> {
  const output = new OutputHead();
  for await (const chunk of response as AsyncIterable<Buffer>) {
    output.append(chunk);
    if (output.total > MAX_HANDLER_OUTPUT_BYTES)
      throw new PermanentError(`the response is longer than ${MAX_HANDLER_OUTPUT_BYTES} bytes`);
  }
  return output.bytes();
}
