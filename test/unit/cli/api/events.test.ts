/** The event stream as `sync` and `top` follow it: an agent that hangs, or whose connection breaks, is an agent that is away. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type Client, createClient } from '../../../../src/cli/api/client.ts';
import { followEvents } from '../../../../src/cli/api/events.ts';
import { createFakeProcess } from '../helper.ts';

async function startAgent(handler: (server: Server) => Server): Promise<Client> {
  const server = handler(createServer());
  await new Promise<void>((resolve) => server.listen(0, '127.46.1.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const httpAddr = `http://127.46.1.1:${(server.address() as AddressInfo).port}`;
  return createClient({ io: createFakeProcess().io, commands: [] } as never, { httpAddr });
}

/** An agent that sends one event, and no more. */
const startSilentAgent = (): Promise<Client> =>
  startAgent((server) =>
    server.on('request', (_, response) => void response.writeHead(200).write('event: synced\ndata: {}\n\n')),
  );

test('a stream that falls silent rejects with what to do', async () => {
  const client = await startSilentAgent();
  const lines: string[] = [];
  const reading = client.streamLines(
    '/events',
    new AbortController().signal,
    (line) => lines.push(line),
    100,
  );
  await expect(reading).rejects.toThrow(
    /^no agent answers at http:\S+ \(no response for 0.1s\): start one with/,
  );
  expect(lines[0]).toBe('event: synced');
});

test('the event stream may be silent for two heartbeats of the agent, and no longer', async () => {
  const stop = new AbortController();
  const silences: unknown[] = [];
  const client = {
    address: 'http://127.46.1.1:8500',
    streamLines: (_path: string, _signal: AbortSignal, _onLine: unknown, silence?: number) => {
      silences.push(silence);
      stop.abort();
      return Promise.resolve();
    },
  };
  await followEvents(client as unknown as Client, '/events', stop.signal, {
    onEvent: () => undefined,
    onAway: () => undefined,
  });
  expect(silences).toEqual([40_000]);
});

test('a connection that breaks is told with the address of the agent', async () => {
  const client = await startAgent((server) =>
    server.on('request', ({ socket }, response) => {
      response
        .writeHead(200)
        .write('event: synced\ndata: {}\n\n', () => setTimeout(() => socket.destroy(), 20));
    }),
  );
  const stop = new AbortController();
  const events: string[] = [];
  const error = await new Promise<Error>((resolve) => {
    void followEvents(client, '/events', stop.signal, {
      onEvent: (event) => events.push(event),
      onAway: (cause) => {
        stop.abort();
        resolve(cause);
      },
    });
  });
  expect(error.message).toBe(
    `the agent at ${client.address} closed the connection: check that it is still running`,
  );
  expect(events).toEqual(['synced']);
});

test('rows of a later version are not acted on, and the message says what to run', async () => {
  const client = await startAgent((server) =>
    server.on('request', (_, response) =>
      response.writeHead(200).end('event: resync\ndata: {"version":2}\n\nevent: service\ndata: {}\n\n'),
    ),
  );
  const stop = new AbortController();
  const events: string[] = [];
  const error = await new Promise<Error>((resolve) => {
    void followEvents(client, '/events', stop.signal, {
      onEvent: (event) => events.push(event),
      onAway: (cause) => {
        stop.abort();
        resolve(cause);
      },
    });
  });
  expect(events).toEqual([]);
  expect(error.message).toBe(
    `the agent at ${client.address} sends rows of version 2, and this command knows 1: run the hearsay that came with the agent`,
  );
});

test('rows of this version are', async () => {
  const client = await startAgent((server) =>
    server.on('request', (_, response) =>
      response.writeHead(200).end('event: synced\ndata: {"version":1}\n\n'),
    ),
  );
  const stop = new AbortController();
  const events: string[] = [];
  await followEvents(client, '/events', stop.signal, {
    onEvent: (event) => events.push(event),
    onAway: () => stop.abort(),
  });
  expect(events).toEqual(['synced']);
});
