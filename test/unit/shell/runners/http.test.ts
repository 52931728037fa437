import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTls } from 'node:https';
import { createServer as createTcp } from 'node:net';
import { describe, expect, test } from 'vitest';
import { listening, outcomeOf, selfSigned } from './support.ts';

const serving = (answer: RequestListener): Promise<number> => listening(createServer(answer));

describe('http checks', () => {
  test.each([
    [200, 'passing'],
    [204, 'passing'],
    [299, 'passing'],
    [429, 'warning'],
    [301, 'critical'],
    [404, 'critical'],
    [500, 'critical'],
  ])('%d is %s', async (code, status) => {
    const port = await serving((_, response) => response.writeHead(code).end());
    expect(await outcomeOf({ HTTP: `http://127.0.0.1:${port}/` })).toMatchObject({
      check: 'c',
      generation: 1,
      status,
    });
  });

  test('an IPv4 address in brackets is dialed, as in Go; a URL that cannot be dialed is critical', async () => {
    const port = await serving((_, response) => response.end('ok'));
    expect(await outcomeOf({ HTTP: `http://[127.0.0.1]:${port}/health` })).toMatchObject({
      status: 'passing',
    });
    expect(await outcomeOf({ HTTP: 'http://127.0.0.1:99999/' })).toMatchObject({
      status: 'critical',
      output: 'HTTP GET http://127.0.0.1:99999/: the URL has no host and port that can be dialed',
    });
  });

  test('C4: the output shows request and response, and keeps the first bytes', async () => {
    const port = await serving((_, response) => response.end('ä'.repeat(5000)));
    const url = `http://127.0.0.1:${port}/health?x=1`;
    const { output } = await outcomeOf({ HTTP: url });
    expect(output).toMatch(new RegExp(`^HTTP GET ${url.replace('?', '\\?')}: 200 OK Output: ä{1000,}`));
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(4096);
  });

  test('the request is like that of Consul, overridden by headers, method and body of the definition', async () => {
    const seen: { request: IncomingMessage; body: string }[] = [];
    const port = await serving((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        seen.push({ request, body });
        response.end();
      });
    });
    const HTTP = `http://user:pa%73s@127.0.0.1:${port}/a?b`;
    await outcomeOf({ HTTP });
    const Header = {
      Host: ['web.example'],
      'X-Two': ['a', 'b'],
      'User-Agent': ['me'],
      Connection: ['keep-alive'],
    };
    const second = await outcomeOf({ HTTP, Method: 'put', Header, Body: '{"ä":1}' });
    expect(seen[0]?.request.headers).toEqual({
      host: `127.0.0.1:${port}`,
      'x-hearsay-check': '1',
      'user-agent': 'Consul Health Check',
      accept: 'text/plain, text/*, */*',
      authorization: `Basic ${btoa('user:pass')}`,
      connection: 'close',
    });
    expect(seen[1]).toMatchObject({
      body: '{"ä":1}',
      request: {
        method: 'PUT',
        url: '/a?b',
        headers: {
          host: 'web.example',
          'x-two': 'a, b',
          'user-agent': 'me',
          connection: 'close',
          'content-length': '8',
        },
      },
    });
    expect(second.output).not.toContain('pa');
  });

  test('a GET may have a body', async () => {
    const port = await serving((request, response) => request.pipe(response));
    const { output } = await outcomeOf({ HTTP: `http://127.0.0.1:${port}/`, Body: 'hello' });
    expect(output).toContain('Output: hello');
  });

  test('every run opens its own connection', async () => {
    const ports = new Set<number | undefined>();
    const port = await serving((request, response) => {
      ports.add(request.socket.remotePort);
      response.end();
    });
    await outcomeOf({ HTTP: `http://127.0.0.1:${port}/` });
    await outcomeOf({ HTTP: `http://127.0.0.1:${port}/` });
    expect(ports.size).toBe(2);
  });
});

describe('redirects', () => {
  test('S15 on the same host are followed, once at most', async () => {
    const port = await serving((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left > 0) response.writeHead(302, { location: `/${left - 1}` });
      response.end(`left ${left}`);
    });
    expect(await outcomeOf({ HTTP: `http://127.0.0.1:${port}/1` })).toMatchObject({ status: 'passing' });
    expect(await outcomeOf({ HTTP: `http://127.0.0.1:${port}/2` })).toMatchObject({ status: 'critical' });
    const HTTP = `http://127.0.0.1:${port}/1`;
    expect(await outcomeOf({ HTTP, DisableRedirects: true })).toMatchObject({
      status: 'critical',
      output: `HTTP GET ${HTTP}: 302 Found Output: left 1`,
    });
  });

  test('S15 to another port take along nothing that the definition sends', async () => {
    const heard: unknown[] = [];
    const other = await serving((request, response) => {
      const { method, headers } = request;
      heard.push([method, headers.authorization, headers['x-secret'], headers['x-hearsay-check']]);
      response.end();
    });
    const port = await serving((request, response) => {
      const { authorization } = request.headers;
      if (request.url === '/user') expect(authorization).toMatch(/^Basic /);
      response.writeHead(307, { location: `http://127.0.0.1:${other}/x` }).end();
    });
    const Header = { Authorization: ['Bearer t0ken'], 'X-Secret': ['s'], 'X-Hearsay-Check': [] };
    for (const check of [
      { HTTP: `http://127.0.0.1:${port}/`, Header, Method: 'PUT', Body: 'secret' },
      { HTTP: `http://user:password@127.0.0.1:${port}/user` },
    ])
      expect(await outcomeOf(check)).toMatchObject({ status: 'passing' });
    expect(heard).toEqual([
      ['GET', undefined, undefined, '1'],
      ['GET', undefined, undefined, '1'],
    ]);
  });

  test('S15: to another host, or another scheme, are not followed', async () => {
    const there: string[] = [];
    const elsewhere = await serving((request, response) => response.end(there.push(request.url ?? '')));
    for (const location of [
      `http://localhost:${elsewhere}/x`,
      `//127.1.1.1:${elsewhere}/y`,
      'file:///etc/passwd',
    ]) {
      const port = await serving((_, response) => response.writeHead(302, { location }).end());
      expect(await outcomeOf({ HTTP: `http://127.0.0.1:${port}/` })).toMatchObject({ status: 'critical' });
    }
    expect(there).toEqual([]);
  });

  test('to another port of the same host are followed, and a POST becomes a GET', async () => {
    const seen: unknown[] = [];
    const second = await serving((request, response) => {
      seen.push(request.method);
      response.end();
    });
    const first = await serving((_, response) =>
      response.writeHead(303, { location: `http://127.0.0.1:${second}/` }).end(),
    );
    const HTTP = `http://127.0.0.1:${first}/`;
    expect(await outcomeOf({ HTTP, Method: 'POST', Body: 'x' })).toMatchObject({ status: 'passing' });
    expect(seen).toEqual(['GET']);
  });
});

describe('targets that misbehave', () => {
  test('refused', async () => {
    const server = createTcp();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    const url = `http://127.0.0.1:${port}/`;
    expect(await outcomeOf({ HTTP: url })).toMatchObject({
      status: 'critical',
      output: `HTTP GET ${url}: connection refused`,
    });
  });

  test('G20: one that never responds fails at its timeout', async () => {
    const port = await listening(createTcp());
    expect(await outcomeOf({ HTTP: `http://127.0.0.1:${port}/`, Timeout: '200ms' })).toMatchObject({
      status: 'critical',
      output: 'no answer in 0.2 s',
    });
  });

  test('one that closes without a response', async () => {
    const port = await listening(createTcp((socket) => socket.destroy()));
    expect(await outcomeOf({ HTTP: `http://127.0.0.1:${port}/` })).toMatchObject({ status: 'critical' });
  });

  test('one that does not speak HTTP, or sends endless headers', async () => {
    const answers = ['SSH-2.0-x\r\n', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`];
    for (const answer of answers) {
      const port = await listening(createTcp((socket) => socket.write(answer)));
      expect(await outcomeOf({ HTTP: `http://127.0.0.1:${port}/` })).toMatchObject({ status: 'critical' });
    }
  });

  test('G20: an endless body is cut off', async () => {
    let sent = 0;
    const port = await serving((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536))) sent += 65_536;
        response.once('drain', more);
      };
      more();
    });
    const { status, output } = await outcomeOf({ HTTP: `http://127.0.0.1:${port}/` });
    expect(status).toBe('passing');
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(4096);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test('a body that stops in the middle does not change the status', async () => {
    const port = await serving((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
    });
    const url = `http://127.0.0.1:${port}/`;
    expect(await outcomeOf({ HTTP: url })).toMatchObject({
      status: 'passing',
      output: `HTTP GET ${url}: 200 OK Output: half`,
    });
  });

  test('one that switches protocols', async () => {
    const port = await listening(
      createTcp((socket) =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
      ),
    );
    expect(await outcomeOf({ HTTP: `http://127.0.0.1:${port}/`, Timeout: '2s' })).toMatchObject({
      status: 'critical',
    });
  });
});

describe('https', () => {
  const made = selfSigned('web.example');

  test.skipIf(typeof made === 'string')(
    `a certificate nobody vouches for is critical, unless that is waived${typeof made === 'string' ? ` (${made})` : ''}`,
    async () => {
      if (typeof made === 'string') return;
      const names: unknown[] = [];
      const server = createTls(made, (request, response) => {
        names.push((request.socket as unknown as { servername: unknown }).servername);
        response.end('secret');
      });
      const port = await listening(server);
      const HTTP = `https://127.0.0.1:${port}/`;
      expect(await outcomeOf({ HTTP })).toMatchObject({
        status: 'critical',
        output: `HTTP GET ${HTTP}: self-signed certificate`,
      });
      expect(await outcomeOf({ HTTP, TLSSkipVerify: true, TLSServerName: 'web.example' })).toMatchObject({
        status: 'passing',
        output: `HTTP GET ${HTTP}: 200 OK Output: secret`,
      });
      expect(names).toEqual(['web.example']);
    },
  );

  test('a server that does not speak TLS', async () => {
    const port = await serving((_, response) => response.end());
    const HTTP = `https://127.0.0.1:${port}/`;
    expect(await outcomeOf({ HTTP })).toMatchObject({
      status: 'critical',
      output: `HTTP GET ${HTTP}: the server does not speak TLS`,
    });
  });
});
