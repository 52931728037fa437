/** Malformed and hostile requests on real sockets: they are refused, and the next client is served. S18, S23. */
import { describe, expect, test } from 'vitest';
import { ROUTES } from '../../../../src/http/routes/index.ts';
import { MAX_PIPELINED } from '../../../../src/http/server/connection-limits.ts';
import type { HttpServer } from '../../../../src/http/server/server.ts';
import { FakeAgent, member, put, raw, send, serve } from '../fixture.ts';

const HOST = 'Host: localhost\r\n';
const CLOSE = 'Connection: close\r\n\r\n';
const LEADER = '/v1/status/leader';
const register = '/v1/agent/service/register';

async function world(): Promise<{ agent: FakeAgent; server: HttpServer }> {
  const agent = new FakeAgent(member('ann'));
  return { agent, server: await serve(agent) };
}

/** Status codes of all answers on one connection, in order. */
const statuses = (answer: string): number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

async function healthy(server: HttpServer): Promise<void> {
  expect((await send(server, LEADER)).body).toBe('"10.0.0.1:8300"');
}

describe('request lines and headers', () => {
  const chunked = `PUT /v1/hearsay/tags HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n`;
  const sized = (length: string): string => `PUT /v1/hearsay/tags HTTP/1.1\r\n${HOST}${length}`;

  test.each<[string, string, readonly number[]]>([
    ['HTTP/1.0 with a Host is served', `GET ${LEADER} HTTP/1.0\r\n${HOST}\r\n`, [200]],
    ['HTTP/1.0 without', `GET ${LEADER} HTTP/1.0\r\n\r\n`, [200]],
    ['another version', `GET ${LEADER} HTTP/7.3\r\n${HOST}\r\n`, [400]],
    ['a whole address', `GET http://localhost${LEADER} HTTP/1.1\r\n${HOST}${CLOSE}`, [200]],
    ['the address of a proxy', `GET https://evil.example/ HTTP/1.1\r\n${HOST}${CLOSE}`, [400]],
    ['a star', `OPTIONS * HTTP/1.1\r\n${HOST}${CLOSE}`, [400]],
    ['no path', `GET  HTTP/1.1\r\n${HOST}\r\n`, [400]],
    ['a NUL in the path', `GET /v1/\0 HTTP/1.1\r\n${HOST}\r\n`, [400]],
    ['a NUL in a header', `GET / HTTP/1.1\r\n${HOST}X: \0\r\n\r\n`, [400]],
    ['an encoded NUL', `GET /v1/query/a%00b HTTP/1.1\r\n${HOST}${CLOSE}`, [404]],
    ['a broken percent sign', `GET /v1/query/%zz HTTP/1.1\r\n${HOST}${CLOSE}`, [400]],
    ['what is not UTF-8', `GET /v1/query/%E9 HTTP/1.1\r\n${HOST}${CLOSE}`, [400]],
    ['dots', `GET /v1/../v1/status/leader HTTP/1.1\r\n${HOST}${CLOSE}`, [404]],
    ['an unknown method', `PATCH ${LEADER} HTTP/1.1\r\n${HOST}${CLOSE}`, [405]],
    ['TRACE', `TRACE ${LEADER} HTTP/1.1\r\n${HOST}${CLOSE}`, [405]],
    ['no method at all', `HEARSAY ${LEADER} HTTP/1.1\r\n${HOST}\r\n`, [400]],
    ['CONNECT gets no tunnel', `CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n`, []],
    ['an upgrade is not taken', `GET ${LEADER} HTTP/1.1\r\n${HOST}Upgrade: websocket\r\n${CLOSE}`, [200]],
    ['an unknown expectation', `GET / HTTP/1.1\r\n${HOST}Expect: more\r\n${CLOSE}`, [417]],
    ['a URL of 20 kB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`, [431]],
    ['a URL of 15 kB', `GET /${'x'.repeat(15_000)} HTTP/1.1\r\n${HOST}${CLOSE}`, [404]],
    ['a folded header', `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, [400]],
    ['a blank before the colon', `GET / HTTP/1.1\r\n${HOST}X : a\r\n\r\n`, [400]],
    ['two lengths', sized('Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}'), [400]],
    ['a length below 0', sized('Content-Length: -1\r\n\r\n'), [400]],
    ['a length that is none', sized('Content-Length: 0x2\r\n\r\n{}'), [400]],
    ['a length beyond all numbers', sized(`Content-Length: ${'9'.repeat(30)}\r\n\r\n`), [400]],
    ['a length and chunks', `${chunked}Content-Length: 2\r\n\r\n0\r\n\r\n`, [400]],
    ['a broken chunk', `${chunked}\r\nzz\r\n`, [400]],
    ['a chunk of 2^64 bytes', `${chunked}\r\nffffffffffffffffff\r\n`, [400]],
    ['an unknown coding', `PUT /v1/hearsay/tags HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\n\r\n`, [400]],
    ['garbage behind a request', `GET ${LEADER} HTTP/1.1\r\n${HOST}\r\n\x16\x03\x01`, [200, 400]],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
  ])('%s', async (_, bytes, expected) => {
    const { agent, server } = await world();
    expect(statuses(await raw(server, bytes))).toEqual(expected);
    expect(agent.commands).toEqual([]);
    await healthy(server);
  });

  test('S11 S12 thousands of headers do not hide a second Host, nor an Origin', async () => {
    const { server } = await world();
    for (const [hidden, status] of [
      [HOST, 400] as const,
      ['Origin: http://evil.example\r\n', 403] as const,
    ]) {
      const answer = await raw(server, `GET / HTTP/1.1\r\n${HOST}${'a:\r\n'.repeat(3500)}${hidden}${CLOSE}`);
      expect(statuses(answer)).toEqual([status]);
    }
  });

  test('S13 two tokens count as none', async () => {
    const server = await serve(new FakeAgent(member('ann')), { tokens: { all: 'right' } });
    const twice = 'X-Consul-Token: right\r\n'.repeat(2);
    expect(statuses(await raw(server, `GET ${LEADER} HTTP/1.1\r\n${HOST}${twice}${CLOSE}`))).toEqual([403]);
  });

  test('requests that arrive together are answered in order', async () => {
    const { server } = await world();
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`;
    const many = [...Array(200)].map((_, i) => get(i % 2 === 0 ? LEADER : '/nowhere')).join('');
    const answer = await raw(server, `${many}GET / HTTP/1.1\r\n${HOST}${CLOSE}`);
    expect(statuses(answer)).toEqual([...[...Array(200)].map((_, i) => (i % 2 === 0 ? 200 : 404)), 200]);
  });
});

test('S23 a client that pipelines thousands of requests is cut off, and no other', async () => {
  const { server } = await world();
  const many = `GET ${LEADER} HTTP/1.1\r\n${HOST}\r\n`.repeat(4 * MAX_PIPELINED);
  const answer = await raw(server, many).catch(() => '');
  expect(statuses(answer).length).toBeLessThanOrEqual(MAX_PIPELINED);
  await healthy(server);
});

describe('bodies', () => {
  const bodies = ROUTES.filter(
    ({ description: about, method }) => about.requestSchema !== undefined && method !== 'GET',
  );
  const paths = bodies.map(({ path }) => path.replace(/:\w+(\.\.\.)?/g, 'x'));
  const polluted = (): unknown => ({}) as Record<string, unknown>;

  test('some entries', () => expect(paths.length).toBeGreaterThan(4));

  test.each(paths)('S18 %s treats __proto__ and the like as data, or refuses them', async (path) => {
    const { server } = await world();
    for (const key of ['__proto__', 'constructor', 'prototype'])
      for (const body of [
        `{"${key}":{"polluted":1}}`,
        `{"Name":"a","Meta":{"${key}":{"polluted":1}}}`,
        `{"Name":"a","Meta":{"${key}":"x"},"Check":{"${key}":{"polluted":1}}}`,
        `{"set":{"${key}":{"polluted":1}},"${key}":{"${key}":{"polluted":1}}}`,
      ]) {
        const { status } = await put(server, `${path}?${key}=x&${key}[polluted]=1`, body);
        expect([body, [200, 400, 404, 501].includes(status)]).toEqual([body, true]);
        expect(polluted()).not.toHaveProperty('polluted');
      }
  });

  test.each(paths)('%s survives what is nested a hundred thousand deep', async (path) => {
    const { agent, server } = await world();
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const depth = Math.floor(500_000 / (open.length + 2));
      const deep = `${open.repeat(depth)}1${close.repeat(depth)}`;
      for (const body of [deep, `{"Name":"a","Meta":${deep}}`, `{"Connect":${deep}}`, open.repeat(depth)])
        expect([400, 404, 413, 501]).toContain((await put(server, path, body)).status);
    }
    expect(agent.commands).toEqual([]);
    await healthy(server);
  });

  test('a body that is not UTF-8 is never used as a name', async () => {
    const { agent, server } = await world();
    const body = `{"Name":"\xe9\xff"}`;
    const bytes = `PUT ${register} HTTP/1.1\r\n${HOST}Content-Length: ${body.length + 2}\r\n${CLOSE}${body}`;
    expect(statuses(await raw(server, bytes))).toEqual([400]);
    expect(agent.commands).toEqual([]);
  });

  test('S23 a body with the Content-Length of a petabyte is refused before it arrives', async () => {
    const { agent, server } = await world();
    const bytes = `PUT ${register} HTTP/1.1\r\n${HOST}Content-Length: 1125899906842624\r\n${CLOSE}`;
    expect(statuses(await raw(server, bytes))[0]).toBe(413);
    expect(agent.commands).toEqual([]);
    await healthy(server);
  });
});
