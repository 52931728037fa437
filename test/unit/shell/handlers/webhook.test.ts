import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTls } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { HandlerConfig } from '../../../../src/config/schema.ts';
import { webhookAction } from '../../../../src/shell/handlers/webhook.ts';
import { waitUntil } from '../../../support/wait.ts';
import { selfSigned } from '../runners/support.ts';
import { event, handlersWith, member, query } from './support.ts';

interface Posted {
  readonly method: string;
  readonly url: string;
  readonly type: string;
  readonly body: unknown;
}

/** A server that writes down what is posted to it. */
async function receiver(answer: (response: ServerResponse, count: number) => void) {
  const posted: Posted[] = [];
  const server = createServer((asking: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    asking.on('data', (chunk: Buffer) => chunks.push(chunk));
    asking.on('end', () => {
      const { method = '', url = '', headers } = asking;
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      posted.push({ method, url, type: headers['content-type'] ?? '', body });
      answer(response, posted.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { posted, origin };
}

const hook = (on: readonly string[], webhook: string, timeout = 20_000): HandlerConfig => ({
  on,
  run: [],
  webhook,
  timeout,
});
const self = { name: 'me', tags: new Map<string, string>() };
const calm = new AbortController().signal;

test('events are posted as JSON, in order', async () => {
  const { posted, origin } = await receiver((response) => response.end());
  const { notify: tell, facts } = handlersWith([hook(['*'], `${origin}/in?token=s3cret`)]);
  tell(member('join', 'ann', { role: 'db' }));
  tell(event('deploy', 'v1'));
  await waitUntil('both are posted', 20_000, () => facts.length === 2);
  expect(posted[0]).toMatchObject({ method: 'POST', url: '/in?token=s3cret', type: 'application/json' });
  expect(posted.map(({ body }) => body)).toEqual([
    {
      event: 'member-join',
      node: 'me',
      members: [{ name: 'ann', addr: '10.0.0.9', port: 7946, tags: { role: 'db' } }],
    },
    { event: 'user', node: 'me', name: 'deploy', ltime: 7, payload: 'v1', base64: 'djE=' },
  ]);
  expect(facts[0]).toMatchObject({ kind: 'handlerRan', handler: origin, event: 'member-join' });
  expect(JSON.stringify(facts)).not.toContain('s3cret');
});

test('the body is the response to a query, an empty one is none; an error is recorded and not retried', async () => {
  const { posted, origin } = await receiver((response, count) => {
    if (count === 1) response.end('low');
    else if (count === 2) response.writeHead(204).end();
    else response.writeHead(500).end('secret');
  });
  const { notify: tell, facts, answers } = handlersWith([hook(['query'], origin)]);
  for (const id of [1, 2, 3]) {
    tell(query('load', 'now', id));
    await waitUntil(`query ${id} is handled`, 20_000, () => facts.length === id);
  }
  expect(answers).toEqual(['1: low']);
  expect(posted[0]?.body).toMatchObject({ event: 'query', name: 'load', payload: 'now', from: 'ann' });
  expect(facts[2]).toEqual({
    kind: 'handlerFailed',
    handler: origin,
    event: 'query:load',
    reason: 'HTTP status 500',
  });
  expect(posted).toHaveLength(3);
});

describe('failures', () => {
  test.each([
    [500, 4],
    [429, 4],
    [404, 1],
    [302, 1],
  ])('status %d: %d attempts in all', async (status, tries) => {
    const { posted, origin } = await receiver((response) =>
      response.writeHead(status, { Location: '/elsewhere' }).end(),
    );
    const words = status === 302 ? 'HTTP status 302; redirects are not followed' : `HTTP status ${status}`;
    const act = webhookAction(`${origin}/here`, 20_000, [1, 1, 1]);
    await expect(act(event('e'), self, calm)).rejects.toThrow(words);
    expect(posted.map(({ url }) => url)).toEqual(Array(tries).fill('/here'));
  });

  test('a retry that succeeds counts as success', async () => {
    const { posted, origin } = await receiver((response, count) =>
      response.writeHead(count < 3 ? 503 : 200).end('done'),
    );
    const said = await webhookAction(origin, 20_000, [1, 1, 1])(event('e'), self, calm);
    expect(Buffer.from(said).toString()).toBe('done');
    expect(posted).toHaveLength(3);
  });

  test('a server that never responds is given up, and its connection closed; so is one that stops in the middle', async () => {
    const open = new Set<Socket>();
    let count = 0;
    const server = createTcp((socket) => {
      open.add(socket);
      count += 1;
      socket.on('error', () => undefined).on('close', () => open.delete(socket));
      socket.resume();
      if (count > 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const act = webhookAction(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 500, []);
    await expect(act(event('e'), self, calm)).rejects.toThrow('no response in 0.5 s');
    await expect(act(event('e'), self, calm)).rejects.toThrow('no response in 0.5 s');
    await waitUntil('nothing is left open', 10_000, () => count === 2 && open.size === 0);
  });

  test('no more of an endless response is read than is kept', async () => {
    const { posted, origin } = await receiver((response) => {
      const more = (): void => {
        while (response.write('x'.repeat(1000)));
        response.once('drain', more);
      };
      more();
    });
    const act = webhookAction(origin, 20_000, [1]);
    await expect(act(query('q'), self, calm)).rejects.toThrow('the response is longer than 4096 bytes');
    expect(posted).toHaveLength(1);
  });

  const made = selfSigned('localhost');
  test.skipIf(typeof made === 'string')('a server that nobody vouches for is told nothing', async () => {
    if (typeof made === 'string') return;
    let asked = 0;
    const server = createTls(made, (_, response) => {
      asked += 1;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await expect(webhookAction(url, 20_000, [1])(event('e'), self, calm)).rejects.toThrow(
      /self-signed certificate/,
    );
    expect(asked).toBe(0);
  });

  test('a refused connection is described in words; closing ends the pause before a retry', async () => {
    const server = createTcp();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await expect(
      webhookAction(`http://127.0.0.1:${port}`, 20_000, [])(event('e'), self, calm),
    ).rejects.toThrow('connection refused');

    const closing = new AbortController();
    const waiting = webhookAction(`http://127.0.0.1:${port}`, 20_000, [1_000_000])(
      event('e'),
      self,
      closing.signal,
    );
    setTimeout(() => closing.abort(), 100);
    await expect(waiting).rejects.toThrow();
  });
});
