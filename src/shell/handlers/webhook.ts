/**
 * A handler that is a server: news as a JSON document by POST. Each try has its time; what looks as if it would go over
 * is tried again a few times. Redirects are not followed, and no more of an answer is read than is kept.
 */
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeUtf8, encodeUtf8 } from '../../base/bytes.ts';
import type { Millis } from '../../base/time.ts';
import { VERSION } from '../../base/version.ts';
import type { HandlerEvent, SerfMember } from '../../serf/types.ts';
import { describeError } from '../runners/runner.ts';
import { type Action, MAX_HANDLER_OUTPUT_BYTES, OutputHead, withTimeout } from './action.ts';
import { eventType, type LocalNode } from './news.ts';

/** Between one try and the next. Whoever asks a query does not wait for a second one. */
const PAUSES: readonly Millis[] = [1000, 4000, 16_000];

/** `pauses`: only tests set it. */
export const webhookAction =
  (url: string, timeout: number, pauses = PAUSES): Action =>
  async (news, self, signal) => {
    const body = encodeUtf8(JSON.stringify(documentOf(news, self)));
    const left = news.kind === 'query' ? [] : [...pauses];
    for (;;) {
      try {
        return await post(new URL(url), body, timeout, signal);
      } catch (error) {
        const pause = error instanceof PermanentError ? undefined : left.shift();
        if (pause === undefined || signal.aborted) throw error;
        await sleep(pause, undefined, { signal });
      }
    }
  };

/** Where it goes, without path and query: these may be secrets. */
export const webhookOrigin = (url: string): string => new URL(url).origin;

/** Field names are a contract. */
function documentOf(news: HandlerEvent, self: LocalNode): object {
  const common = { event: eventType(news), node: self.name };
  if (news.kind === 'members') return { ...common, members: news.members.map(memberOf) };
  const { name, ltime, payload } = news.kind === 'user' ? news.event : news.query;
  const base64 = Buffer.from(payload).toString('base64');
  const said = { ...common, name, ltime, payload: decodeUtf8(payload), base64 };
  return news.kind === 'user' ? said : { ...said, from: news.query.from };
}

const memberOf = ({ name, member, tags }: SerfMember): object => ({
  name,
  addr: member.identity.address.host,
  port: member.identity.address.port,
  tags: Object.fromEntries(tags),
});

/** A further try would end as this one. */
class PermanentError extends Error {}

async function post(url: URL, body: Uint8Array, timeout: number, closing: AbortSignal): Promise<Uint8Array> {
  return withTimeout(timeout, `no answer in ${timeout / 1000} s`, closing, async (signal) => {
    const response = await send(url, body, signal);
    const said = await readAll(response);
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return said;
    const words = `it answers ${statusCode}`;
    if (statusCode >= 500 || statusCode === 429) throw new Error(words);
    throw new PermanentError(
      statusCode >= 300 && statusCode < 400 ? `${words}; redirects are not followed` : words,
    );
  });
}

function send(url: URL, body: Uint8Array, signal: AbortSignal): Promise<IncomingMessage> {
  const options: RequestOptions = {
    method: 'POST',
    agent: false, // a connection of its own
    signal,
    headers: {
      'content-type': 'application/json',
      'content-length': body.length,
      'user-agent': `hearsay/${VERSION}`,
    },
  };
  return new Promise((resolve, reject) => {
    const asking = url.protocol === 'https:' ? requestTls(url, options) : request(url, options);
    asking.on('response', resolve);
    asking.on('error', (error) => reject(new Error(describeError(error))));
    asking.end(body);
  });
}

/** Rejects with `Final` if it is more than may be kept. */
async function readAll(response: IncomingMessage): Promise<Uint8Array> {
  const said = new OutputHead();
  for await (const chunk of response as AsyncIterable<Buffer>) {
    said.append(chunk);
    if (said.total > MAX_HANDLER_OUTPUT_BYTES)
      throw new PermanentError(`its answer is longer than ${MAX_HANDLER_OUTPUT_BYTES} bytes`);
  }
  return said.bytes();
}
