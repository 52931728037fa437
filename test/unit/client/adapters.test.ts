/** The adapters for undici, `node:http` and @grpc/grpc-js: requests go to instances, and to another one if that fails. */

import { type Agent, createServer, get, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { Agent as UndiciAgent, fetch as undiciFetch, request as undiciRequest } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { registerGrpcResolver } from '../../../src/client/grpc-resolver.ts';
import { HearsayClient } from '../../../src/client/hearsay-client.ts';
import { waitUntil } from '../../support/wait.ts';
import { instance, service } from '../http/data.ts';
import { FakeAgent, member, serve } from '../http/fixture.ts';

interface Backend {
  readonly id: string;
  readonly port: number;
  readonly server: Server;
  /** Requests it has received. */
  count: number;
  /** Breaks the next connections instead of answering. */
  breaks: boolean;
}

const HOST = '127.35.3.1';

async function backend(id: string): Promise<Backend> {
  const one = { id, count: 0, breaks: false, port: 0 };
  const server = createServer((incoming, outgoing) => {
    one.count += 1;
    if (one.breaks) return void incoming.socket.destroy();
    incoming.resume();
    incoming.on('end', () => outgoing.end(`${id} ${incoming.method} ${incoming.headers.host}`));
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(one, { server, port: (server.address() as AddressInfo).port });
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const { server, port } = await backend('closed');
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function discovering(ports: Readonly<Record<string, number>>) {
  const agent = new FakeAgent(member('ann'));
  const set = (of: Readonly<Record<string, number>>): void => {
    agent.catalog.held = Object.entries(of).map(([id, port]) =>
      instance('ann', service('db', { id, port, address: HOST })),
    );
    agent.touch(['service:db']);
  };
  set(ports);
  const server = await serve(agent);
  const hearsay = new HearsayClient({ http: `http://${server.address}` }, { probe: async () => false });
  onTestFinished(() => hearsay.close());
  return { hearsay, set };
}

const ownerOf = async (text: Promise<string>): Promise<string> => (await text).split(' ')[0] ?? '';

describe('dispatcher()', () => {
  type Fetch = (path: string, init?: { method?: string; body?: string }) => Promise<string>;
  const KINDS: Readonly<Record<string, (hearsay: HearsayClient) => Fetch>> = {
    "Node's fetch": (hearsay) => {
      const dispatcher = hearsay.dispatcher();
      return async (path, init) =>
        (await fetch(`http://db${path}`, { ...init, dispatcher } as RequestInit)).text();
    },
    "undici's fetch": (hearsay) => {
      const dispatcher = hearsay.dispatcher({ dispatcher: pool() }) as never;
      return async (path, init) => (await undiciFetch(`http://db${path}`, { ...init, dispatcher })).text();
    },
    "undici's request": (hearsay) => {
      const dispatcher = hearsay.dispatcher({ dispatcher: pool() }) as never;
      return async (path, init) =>
        (await undiciRequest(`http://db${path}`, { ...init, dispatcher } as never)).body.text();
    },
  };

  function pool(): never {
    const agent = new UndiciAgent();
    onTestFinished(() => agent.destroy());
    return agent as never;
  }

  describe.each(Object.entries(KINDS))('%s', (_, kind) => {
    test('goes to the instances of the service in the URL, with its name as host', async () => {
      const [a, b] = [await backend('a'), await backend('b')];
      const { hearsay } = await discovering({ a: a.port, b: b.port });
      const send = kind(hearsay);
      const texts = await Promise.all(Array.from({ length: 40 }, () => send('/x')));
      expect(new Set(texts.map((text) => text.split(' ')[0]))).toEqual(new Set(['a', 'b']));
      expect(a.count + b.count).toBe(40);
      expect(
        hearsay
          .shared('db')
          .all()
          .map(({ pending }) => pending),
      ).toEqual([0, 0]);
      expect(await send('/x', { method: 'POST', body: 'hello' })).toMatch(/^[ab] POST /);
    });

    test('goes to another instance if one does not listen, with its body, and counts that as a failure', async () => {
      const a = await backend('a');
      const { hearsay } = await discovering({ a: a.port, gone: await closedPort() });
      const send = kind(hearsay);
      for (let i = 0; i < 40; i++)
        expect(await ownerOf(send('/x', { method: 'POST', body: `body ${i}` }))).toBe('a');
      const gone = hearsay
        .shared('db')
        .all()
        .find(({ id }) => id === 'gone');
      expect(gone).toMatchObject({ ejected: true, pending: 0 });
    });

    test('repeats what broke off if the method allows it, and no other', async () => {
      const [a, b] = [await backend('a'), await backend('b')];
      b.breaks = true;
      const { hearsay } = await discovering({ a: a.port, b: b.port });
      const send = kind(hearsay);
      for (let i = 0; i < 10; i++) expect(await ownerOf(send('/x'))).toBe('a');
      a.breaks = true;
      a.count = b.count = 0;
      await expect(send('/x', { method: 'POST', body: 'once' })).rejects.toThrow();
      expect(a.count + b.count).toBe(1);
    });

    test('fails with a sentence where there is no instance', async () => {
      const { hearsay } = await discovering({});
      const error = await kind(hearsay)('/x').catch((caught: Error) => caught);
      expect(String((error as Error).cause ?? error)).toContain('no instance of "db"');
    });
  });

  test('a key selects its owner', async () => {
    const [a, b] = [await backend('a'), await backend('b')];
    const { hearsay } = await discovering({ a: a.port, b: b.port });
    const dispatcher = hearsay.dispatcher({ key: ({ path }) => path });
    const owner = (path: string) =>
      ownerOf(fetch(`http://db${path}`, { dispatcher } as RequestInit).then((answer) => answer.text()));
    const db = hearsay.discover('db');
    await db.ready;
    for (const path of ['/1', '/2', '/3', '/4', '/5', '/6'])
      expect(await owner(path)).toBe(db.pick({ key: path }).id);
  });
});

describe('agent()', () => {
  const send = (agent: Agent, method = 'GET', body?: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const outgoing = request('http://db/x', { agent, method }, (incoming) => {
        let text = '';
        incoming.on('data', (chunk) => {
          text += chunk;
        });
        incoming.on('end', () => resolve(text));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });

  test('goes to the instances, and keeps connections to each', async () => {
    const [a, b] = [await backend('a'), await backend('b')];
    const { hearsay } = await discovering({ a: a.port, b: b.port });
    let connections = 0;
    for (const { server } of [a, b]) server.on('connection', () => (connections += 1));
    const agent = hearsay.agent();
    for (let i = 0; i < 40; i++) expect(await send(agent)).toMatch(/^[ab] GET db$/);
    expect([a.count > 0, b.count > 0, connections]).toEqual([true, true, 2]);
    await waitUntil('all are finished', 5000, () =>
      hearsay
        .shared('db')
        .all()
        .every(({ pending }) => pending === 0),
    );
  });

  test('closes a connection that is idle before servers do', async () => {
    const a = await backend('a');
    a.server.keepAliveTimeout = 0; // never
    let open = 0;
    a.server.on('connection', (socket) => {
      open += 1;
      socket.on('close', () => (open -= 1));
    });
    const { hearsay } = await discovering({ a: a.port });
    const agent = hearsay.agent();
    for (let i = 0; i < 3; i++) await send(agent);
    expect(open).toBe(1);
    await waitUntil('it is closed', 4900, () => open === 0);
    expect(await send(agent)).toMatch(/^a GET/);
  });

  test('connects to another instance if one does not listen, whatever the method', async () => {
    const a = await backend('a');
    const { hearsay } = await discovering({ a: a.port, gone: await closedPort() });
    const agent = hearsay.agent();
    const all = await Promise.all(Array.from({ length: 40 }, () => ownerOf(send(agent, 'POST', 'body'))));
    expect(new Set(all)).toEqual(new Set(['a']));
    expect(
      hearsay
        .shared('db')
        .all()
        .find(({ id }) => id === 'gone')?.ejected,
    ).toBe(true);
  });

  test('fails with a sentence where there is no instance, or none can be reached', async () => {
    const { hearsay, set } = await discovering({});
    const agent = hearsay.agent();
    await expect(send(agent)).rejects.toThrow('no instance of "db"');
    set({ gone: await closedPort() });
    await waitUntil('it is known', 5000, () => hearsay.shared('db').all().length === 1);
    await expect(send(agent)).rejects.toThrow('ECONNREFUSED');
    expect(
      get('http://db/', { agent })
        .on('error', () => undefined)
        .destroy().destroyed,
    ).toBe(true);
  });
});

describe('a channel to hearsay:///db', () => {
  const METHOD = {
    path: '/test.Test/Who',
    requestStream: false,
    responseStream: false,
    requestSerialize: (text: string) => Buffer.from(text),
    requestDeserialize: String,
    responseSerialize: (text: string) => Buffer.from(text),
    responseDeserialize: String,
  } as const;

  async function grpcBackend(id: string): Promise<{ port: number; server: grpc.Server }> {
    const server = new grpc.Server();
    server.addService(
      { who: METHOD },
      { who: (_: unknown, reply: (e: null, text: string) => void) => reply(null, id) },
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(`${HOST}:0`, grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    onTestFinished(() => server.forceShutdown());
    return { port, server };
  }

  test('spreads calls over the instances and follows them; without one calls fail with a sentence', async () => {
    const [a, b] = [await grpcBackend('a'), await grpcBackend('b')];
    const { hearsay, set } = await discovering({ a: a.port });
    registerGrpcResolver(hearsay, grpc);
    const channel = new grpc.Client('hearsay:///db', grpc.credentials.createInsecure());
    onTestFinished(() => channel.close());
    const call = (): Promise<string> =>
      new Promise((resolve, reject) =>
        channel.makeUnaryRequest(
          METHOD.path,
          METHOD.requestSerialize,
          METHOD.responseDeserialize,
          'who?',
          (error, text) => (error === null ? resolve(text ?? '') : reject(error)),
        ),
      );
    expect(await call()).toBe('a');
    set({ a: a.port, b: b.port });
    await waitUntil('both are called', 10_000, async () => (await call()) === 'b');
    set({ b: b.port });
    await waitUntil('one is left', 10_000, async () => {
      const all = await Promise.all(Array.from({ length: 10 }, call));
      return all.every((id) => id === 'b');
    });
    set({});
    await waitUntil('calls fail', 10_000, () =>
      call().then(
        () => false,
        (error: Error) => error.message.includes('there is no instance of "db"'),
      ),
    );
  });
});
