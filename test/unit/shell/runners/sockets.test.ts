import { createSocket } from 'node:dgram';
import { createServer as createHttp2, createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listening, outcomeOf, selfSigned } from './support.ts';

const made = selfSigned('web.example');
const pair = typeof made === 'string' ? undefined : made;
const whyNot = typeof made === 'string' ? ` (${made})` : '';

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('tcp checks', () => {
  test('an accepted connection is passing', async () => {
    const port = await listening(createServer());
    expect(await outcomeOf({ TCP: `127.0.0.1:${port}` })).toMatchObject({
      status: 'passing',
      output: `TCP connect 127.0.0.1:${port}: Success`,
    });
  });

  test('a refusal is critical', async () => {
    const TCP = `127.0.0.1:${await closedPort()}`;
    expect(await outcomeOf({ TCP })).toMatchObject({
      status: 'critical',
      output: expect.stringMatching(/^(TCP|UDP) connect [\w.]+:\d+: connection refused$/) as string,
    });
  });

  test.each([
    ['127.0.0.1', 'the address has no port: write it as host:port'],
    ['127.0.0.1:99999', 'port 99999 is not between 1 and 65535'],
    ['127.0.0.1:nosuch', 'unknown port "nosuch": write its number'],
    ['fd00::1:80', 'unknown port ":1:80": write its number'],
  ])('%s cannot be dialed: the check is critical, and says why', async (TCP, reason) => {
    expect(await outcomeOf({ TCP })).toMatchObject({
      status: 'critical',
      output: expect.stringContaining(reason) as string,
    });
  });

  test('a port may be a name, and an IPv4 address in brackets', async () => {
    const output = async (TCP: string): Promise<string> => (await outcomeOf({ TCP })).output;
    expect(await output('127.0.0.254:gopher')).toMatch(/connection refused|Success/);
    expect(await output('[127.0.0.254]:GOPHER')).toMatch(/connection refused|Success/);
  });

  test('any one of several addresses is enough', async () => {
    const port = await listening(createServer());
    expect(await outcomeOf({ TCP: `localhost:${port}` })).toMatchObject({ status: 'passing' });
    const lookup = async (): Promise<string[]> => ['127.0.0.9', '127.0.0.1'];
    expect(await outcomeOf({ TCP: `web.example:${port}` }, { lookup })).toMatchObject({ status: 'passing' });
    expect(await outcomeOf({ TCP: `localhost:${await closedPort()}` })).toMatchObject({
      status: 'critical',
      output: expect.stringMatching(/^(TCP|UDP) connect [\w.]+:\d+: connection refused$/) as string,
    });
  });

  test('the connection to a server with endless output is closed', async () => {
    const port = await listening(
      createServer((socket) => {
        const more = (): void => {
          while (!socket.destroyed && socket.write('x'.repeat(65_536)));
          socket.once('drain', more);
        };
        more();
      }),
    );
    expect(await outcomeOf({ TCP: `127.0.0.1:${port}` })).toMatchObject({ status: 'passing' });
  });

  test.skipIf(pair === undefined)(`with TLS the handshake counts${whyNot}`, async () => {
    const TCP = `127.0.0.1:${await listening(createTls(pair ?? {}))}`;
    const plain = `127.0.0.1:${await listening(createServer())}`;
    expect(await outcomeOf({ TCP, TCPUseTLS: true, TLSSkipVerify: true })).toMatchObject({
      status: 'passing',
    });
    expect(await outcomeOf({ TCP, TCPUseTLS: true })).toMatchObject({
      status: 'critical',
      output: `TCP connect ${TCP}: self-signed certificate`,
    });
    expect(await outcomeOf({ TCP: plain, TCPUseTLS: true, Timeout: '300ms' })).toMatchObject({
      status: 'critical',
      output: 'no answer in 0.3 s',
    });
  });
});

describe('udp checks', () => {
  async function udp(answer: boolean): Promise<number> {
    const socket = createSocket('udp4');
    socket.on('message', (_, from) => answer && socket.send('pong', from.port, from.address));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      socket.close();
    });
    return socket.address().port;
  }

  test('a response or silence is passing', async () => {
    expect(await outcomeOf({ UDP: `127.0.0.1:${await udp(true)}` })).toMatchObject({ status: 'passing' });
    expect(await outcomeOf({ UDP: `127.0.0.1:${await udp(false)}` })).toMatchObject({ status: 'passing' });
  });

  test('a refusal is critical', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    await new Promise<void>((resolve) => socket.close(resolve));
    expect(await outcomeOf({ UDP: `127.0.0.1:${port}` })).toMatchObject({
      status: 'critical',
      output: expect.stringMatching(/^(TCP|UDP) connect [\w.]+:\d+: connection refused$/) as string,
    });
  });
});

describe('grpc checks', () => {
  /** A server whose health service knows `web`, which serves, and `db`, which does not. */
  function answer(stream: ServerHttp2Stream, path: string | undefined): void {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => {});
    stream.on('end', () => {
      const body = Buffer.concat(chunks);
      const service = body.subarray(7).toString();
      const known = new Map([
        ['', 1],
        ['web', 1],
        ['db', 2],
      ]).get(service);
      const head = { ':status': 200, 'content-type': 'application/grpc' };
      if (path !== '/grpc.health.v1.Health/Check')
        return stream.respond({ ...head, 'grpc-status': '12' }, { endStream: true });
      if (known === undefined)
        return stream.respond({ ...head, 'grpc-status': '5', 'grpc-message': 'who?' }, { endStream: true });
      stream.respond(head, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, known]));
    });
  }
  const serving = async (): Promise<string> => {
    const server = createHttp2();
    server.on('stream', (stream, headers) => answer(stream, headers[':path']));
    return `127.0.0.1:${await listening(server)}`;
  };

  test('SERVING is passing, everything else is critical', async () => {
    const at = await serving();
    expect(await outcomeOf({ GRPC: at })).toMatchObject({
      status: 'passing',
      output: `gRPC check ${at}: success`,
    });
    expect(await outcomeOf({ GRPC: `${at}/web` })).toMatchObject({ status: 'passing' });
    expect(await outcomeOf({ GRPC: `${at}/db` })).toMatchObject({
      status: 'critical',
      output: `gRPC check ${at}/db: NOT_SERVING`,
    });
    expect(await outcomeOf({ GRPC: `${at}/nope` })).toMatchObject({
      status: 'critical',
      output: `gRPC check ${at}/nope: who? (gRPC status 5)`,
    });
  });

  test.each([
    ['an HTTP error', (stream: ServerHttp2Stream) => stream.respond({ ':status': 404 }, { endStream: true })],
    [
      'an answer that is none',
      (stream: ServerHttp2Stream) => stream.respond({ ':status': 200 }, { endStream: true }),
    ],
    [
      'an answer without end',
      (stream: ServerHttp2Stream) => {
        stream.respond({ ':status': 200 });
        stream.write('x'.repeat(99_999));
      },
    ],
    ['a stream that is reset', (stream: ServerHttp2Stream) => stream.close(2)],
    ['a session that ends', (stream: ServerHttp2Stream) => stream.session?.destroy()],
  ])('%s is critical', async (_, answer) => {
    const server = createHttp2();
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      answer(stream);
    });
    expect(await outcomeOf({ GRPC: `127.0.0.1:${await listening(server)}` })).toMatchObject({
      status: 'critical',
    });
  });

  test('a server that hangs or speaks another protocol is critical', async () => {
    const silent = await listening(createServer());
    const chatty = await listening(createServer((socket) => socket.write('220 mail.example ESMTP\r\n')));
    expect(await outcomeOf({ GRPC: `127.0.0.1:${silent}`, Timeout: '300ms' })).toMatchObject({
      output: 'no answer in 0.3 s',
    });
    expect(await outcomeOf({ GRPC: `127.0.0.1:${chatty}` })).toMatchObject({ status: 'critical' });
  });

  test.skipIf(pair === undefined)(`over TLS${whyNot}`, async () => {
    const server = createSecureServer(pair ?? {});
    server.on('stream', (stream, headers) => answer(stream, headers[':path']));
    const GRPC = `127.0.0.1:${await listening(server)}/web`;
    expect(await outcomeOf({ GRPC, GRPCUseTLS: true, TLSSkipVerify: true })).toMatchObject({
      status: 'passing',
    });
    expect(await outcomeOf({ GRPC, GRPCUseTLS: true })).toMatchObject({ status: 'critical' });
    const other = `127.0.0.1:${await listening(createTls(pair ?? {}))}`;
    expect(await outcomeOf({ GRPC: other, GRPCUseTLS: true, TLSSkipVerify: true })).toMatchObject({
      output: `gRPC check ${other}: the server does not speak HTTP/2`,
    });
  });
});

describe('h2ping checks', () => {
  test('an answered ping is passing', async () => {
    const H2PING = `127.0.0.1:${await listening(createHttp2())}`;
    expect(await outcomeOf({ H2PING, H2PingUseTLS: false })).toMatchObject({
      status: 'passing',
      output: 'HTTP2 ping was successful',
    });
    expect(await outcomeOf({ H2PING, H2PingUseTLS: true })).toMatchObject({ status: 'critical' });
  });

  test('no response is critical', async () => {
    const H2PING = `127.0.0.1:${await listening(createServer())}`;
    expect(await outcomeOf({ H2PING, H2PingUseTLS: false, Timeout: '300ms' })).toMatchObject({
      status: 'critical',
    });
  });
});
