import { chmodSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, Agent as KeepAlive, request } from 'node:http';
import { connect, createServer, Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { limitConnections } from '../../../../src/http/server/connection-limits.ts';
import { startHttpServer } from '../../../../src/http/server/server.ts';
import { FakeAgent, member, options, portOf, put, raw, send, serve, socketPath, until } from '../fixture.ts';

const ann = () => new FakeAgent(member('ann'));

describe('listening', () => {
  test('a busy port is an error with the next step', async () => {
    const first = await serve(ann());
    const listen = { host: '127.0.0.1', port: portOf(first) };
    await expect(startHttpServer(options(ann(), { listen }))).rejects.toMatchObject({
      code: 'config',
      message: `127.0.0.1:${portOf(first)} is already in use: stop the other program, or choose another address with --http`,
    });
  });

  test('an address of another host is an error that says so', async () => {
    const listen = { host: '192.0.2.7', port: 0 };
    await expect(startHttpServer(options(ann(), { listen, insecure: true }))).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('not an address of this host'),
    });
  });

  test('S13 a socket file is for its owner and group only, and is gone after the stop', async () => {
    const path = socketPath();
    const server = await startHttpServer(options(ann(), { listen: { path } }));
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect((await send(server, '/')).body).toBe('hearsay agent');
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  test('a socket file with a listener is left alone', async () => {
    const path = socketPath();
    const server = await serve(ann(), { listen: { path } });
    await expect(startHttpServer(options(ann(), { listen: { path } }))).rejects.toMatchObject({
      code: 'config',
    });
    expect((await send(server, '/')).status).toBe(200);
  });

  test('a stale socket file is replaced; any other file is not', async () => {
    const path = socketPath();
    await leaveStaleSocket(path);
    expect(existsSync(path)).toBe(true);
    const server = await serve(ann(), { listen: { path } });
    expect((await send(server, '/')).status).toBe(200);

    const file = socketPath();
    writeFileSync(file, 'precious');
    chmodSync(file, 0o644);
    await expect(startHttpServer(options(ann(), { listen: { path: file } }))).rejects.toMatchObject({
      code: 'config',
    });
    expect(existsSync(file)).toBe(true);
  });
});

describe('connections', () => {
  test('T2 a connection is kept alive for more than two minutes', async () => {
    const server = await serve(ann());
    const agent = new KeepAlive({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const keepAlive = await new Promise((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port: portOf(server), agent }, (incoming) => {
        incoming.resume();
        resolve(incoming.headers['keep-alive']);
      });
      call.once('error', reject);
      call.end();
    });
    expect(Number(/timeout=(\d+)/.exec(String(keepAlive))?.[1])).toBeGreaterThanOrEqual(120);
  });

  test('T4 S23 beyond the limit a connection gets 429, until another one closes', async () => {
    const server = await serve(ann(), { limits: { maxConnections: 2, maxConnectionsPerAddress: 1 } });
    const holds = [await hold(server), await hold(server)];
    const answer = await raw(server, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 429 .*\r\nRetry-After: 1\r\n.*\r\n\r\nToo many connections/s);
    holds[0]?.destroy();
    await untilServed(server);
  });

  test('S23 an address of the network is limited to its share, loopback to the total', () => {
    const server = createHttpServer();
    server.removeAllListeners('connection');
    let admitted = 0;
    server.on('connection', () => {
      admitted += 1;
    });
    limitConnections(server, { maxConnections: 6, maxConnectionsPerAddress: 2 }, false);
    const arrive = (remoteAddress: string): Socket => {
      const socket = socketFrom(remoteAddress);
      server.emit('connection', socket);
      return socket;
    };
    const count = (...from: string[]) => {
      admitted = 0;
      const sockets = from.map(arrive);
      return { admitted, leave: () => sockets.forEach((socket) => void socket.emit('close')) };
    };
    const three = count('192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2');
    expect(three.admitted).toBe(3);
    three.leave();
    expect(
      count('127.0.0.1', '127.0.0.1', '::1', '::1', '::ffff:127.0.0.1', '127.0.0.1', '::1').admitted,
    ).toBe(6);
  });

  test('S23 a slow request is cut off, T3 a slow reply is not', async () => {
    const agent = ann();
    const server = await serve(agent, { limits: { headersTimeout: 150, requestTimeout: 300 } });
    const index = agent.view.indexOf(['nodes']);
    const parked = send(server, `/v1/catalog/nodes?index=${index}&wait=1s`);
    expect(await raw(server, 'GET / HTTP/1.1\r\nHost: loc')).toMatch(/^HTTP\/1\.1 408 /);
    const slow = 'PUT /v1/hearsay/tags HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{';
    expect(await raw(server, slow)).toMatch(/^HTTP\/1\.1 408 /);
    expect((await parked).status).toBe(200);
    expect(agent.commands).toEqual([]);
  });

  test('a client that disconnects in the middle of its body is no fault of the agent', async () => {
    const agent = ann();
    const server = await serve(agent);
    const socket = connect(portOf(server), '127.0.0.1');
    socket.write('PUT /v1/hearsay/tags HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{');
    await send(server, '/');
    socket.destroy();
    await server.close();
    expect(agent.commands).toEqual([]);
  });

  test('S23 headers above 16 kB are refused with a message', async () => {
    const server = await serve(ann());
    const answer = await raw(server, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 .*nosniff.*16 kB$/s);
  });

  test('a request that is not HTTP gets a message', async () => {
    const server = await serve(ann());
    expect(await raw(server, 'HELLO\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*text\/plain.*not an HTTP/s);
  });

  test('T15 a body above 512 KiB is 413, with or without a Content-Length', async () => {
    const agent = ann();
    const server = await serve(agent);
    const headers = { 'transfer-encoding': 'chunked' };
    for (const length of [512 * 1024 + 1, 8 * 1024 * 1024]) {
      const body = 'x'.repeat(length);
      expect((await put(server, '/v1/hearsay/tags', body)).status).toBe(413);
      const chunked = await send(server, '/v1/hearsay/tags', { method: 'PUT', headers, body });
      expect([length, chunked.status]).toEqual([length, 413]);
    }
    expect(agent.commands).toEqual([]);
    const fits = JSON.stringify({ set: { a: 'x'.repeat(500 * 1024) } });
    expect((await put(server, '/v1/hearsay/tags', fits)).status).toBe(200);
  });

  test('a stop answers parked queries and closes idle connections', async () => {
    const agent = ann();
    const server = await startHttpServer(options(agent));
    const idle = await hold(server);
    const index = agent.view.indexOf(['nodes']);
    const parked = send(server, `/v1/catalog/nodes?index=${index}`);
    await until(() => agent.waiting === 1);
    await server.close();
    expect((await parked).status).toBe(200);
    await until(() => idle.destroyed);
    await server.close();
  });
});

describe('paths and methods', () => {
  test('T7 paths are exact and case-sensitive', async () => {
    const server = await serve(ann());
    for (const path of ['/V1/agent/self', '/v1/agent/Self', '/v1/agent/self/', '/v1/agent', '/v1', '/x']) {
      const answer = await send(server, path);
      expect([path, answer.status, answer.headers['x-consul-index'], answer.body]).toEqual([
        path,
        404,
        '1',
        '',
      ]);
    }
  });

  test('T7 doubled slashes are redirected to the clean path, never to another host', async () => {
    const server = await serve(ann());
    const answer = await send(server, '//v1///agent//self?pretty=//');
    expect([answer.status, answer.headers.location]).toEqual([301, '/v1/agent/self?pretty=//']);
    expect((await send(server, '//evil.example/%2e%2e')).headers.location).toBe('/evil.example/%2e%2e');
  });

  test('T11 the root is a banner', async () => {
    const answer = await send(await serve(ann()), '/');
    expect([answer.status, answer.headers['content-type'], answer.body]).toEqual([
      200,
      'text/plain; charset=utf-8',
      'hearsay agent',
    ]);
  });

  test('T12 a known path lists its methods', async () => {
    const server = await serve(ann());
    const wrong = await send(server, '/v1/agent/self', { method: 'POST' });
    expect([wrong.status, wrong.headers.allow, wrong.body]).toEqual([
      405,
      'OPTIONS,GET',
      'method POST not allowed',
    ]);
    const asked = await send(server, '/v1/agent/leave', { method: 'OPTIONS' });
    expect([asked.status, asked.headers.allow, asked.body]).toEqual([200, 'OPTIONS,PUT', '']);
    expect((await send(server, '/v1/agent/leave')).status).toBe(405);
    expect((await send(server, '/v1/query', { method: 'OPTIONS' })).headers.allow).toBe('OPTIONS,GET,POST');
  });

  test('T12 HEAD is GET without its body', async () => {
    const server = await serve(ann());
    const get = await send(server, '/v1/catalog/nodes');
    const head = await send(server, '/v1/catalog/nodes', { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.body).toBe('');
    for (const name of ['content-length', 'content-type', 'x-consul-index'])
      expect(head.headers[name]).toBe(get.headers[name]);
    expect((await send(server, '/v1/agent/leave', { method: 'HEAD' })).status).toBe(405);
  });

  test('T5 T6 a name is the rest of the path, decoded once', async () => {
    const agent = ann();
    const server = await serve(agent);
    const names = async (path: string) => {
      agent.commands.length = 0;
      await put(server, `/v1/hearsay/forget/${path}`);
      return agent.commands.map((command) => (command.kind === 'forget' ? command.node : ''));
    };
    expect(await names('a/b%20c')).toEqual(['a/b c']);
    expect(await names('a%2Fb:8080:udp')).toEqual(['a/b:8080:udp']);
    expect(await names('50%25%2525')).toEqual(['50%%25']);
    expect(await names('caf%C3%A9')).toEqual(['café']);
    expect(await names('__proto__')).toEqual(['__proto__']);
  });

  test('T15 a query string that does not parse is 400', async () => {
    const server = await serve(ann());
    for (const query of ['a=%', 'a=%zz', '%E9=1', 'tag=%C3']) {
      const answer = await send(server, `/v1/catalog/nodes?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
    }
  });

  test('T9 T16 unknown parameters are ignored, and pretty needs no value', async () => {
    const server = await serve(ann());
    const compact = await send(server, '/v1/status/peers?sdc=x&__proto__=y&&=z');
    expect([compact.status, compact.body]).toEqual([200, '["10.0.0.1:8300"]']);
    expect((await send(server, '/v1/status/peers?pretty=false')).body).toBe('[\n    "10.0.0.1:8300"\n]\n');
  });
});

test('S16 every reply, errors included, has its content type and forbids sniffing', async () => {
  const server = await serve(ann());
  for (const path of ['/', '/v1/agent/self', '/v1/kv/x', '/v1/catalog/nodes?index=x', '/v1/nowhere', '//x']) {
    const { headers, body } = await send(server, path);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['access-control-allow-origin']).toBeUndefined();
    if (body !== '')
      expect(headers['content-type']).toMatch(/^(application\/json|text\/plain; charset=utf-8)$/);
  }
});

type Server = Parameters<typeof portOf>[0];

/** A socket with a forged remote address. */
const socketFrom = (remoteAddress: string | undefined): Socket =>
  Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });

/** A silent connection; resolves when the server has counted it. */
async function hold(server: Server): Promise<ReturnType<typeof connect>> {
  const socket = connect(portOf(server), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  await new Promise((resolve) => {
    socket.once('data', resolve);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });
  return socket;
}

async function untilServed(server: Server): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if ((await send(server, '/')).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('still refused after 5 s');
}

/** A socket file without a listener, as a killed process leaves it behind. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.old`, resolve));
  renameSync(`${path}.old`, path);
  await new Promise((resolve) => server.close(resolve));
}
