import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createHostCheck, isAllowedHost } from '../../../../src/http/server/host-header.ts';
import { ownHostNames } from '../../../../src/http/settings.ts';
import { FakeAgent, member, raw, send, serve, socketPath } from '../fixture.ts';

/** Values of `Host` that DNS rebinding, a proxy or an attacker may send. */
const BAD_HOSTS = [
  'evil.example',
  'evil.example:8500',
  'localhost.evil.example',
  'evil.example.localhost',
  'app.localhost',
  'localhost.',
  'localhost.:8500',
  'localhost..',
  '.localhost',
  'localhost.localdomain',
  'localhost6',
  'xn--localhost-',
  'localhost:',
  'localhost:0',
  'localhost:08500',
  'localhost:65536',
  'localhost:85000000',
  'localhost:-1',
  'localhost:+80',
  'localhost:8500:8500',
  'localhost:http',
  'localhost: 8500',
  'localhost :8500',
  'localhost,evil.example',
  'localhost, 127.0.0.1',
  'localhost/evil',
  'localhost#evil',
  'localhost?evil',
  'localhost\\evil',
  'evil.example@localhost',
  'evil.example:x@localhost',
  'localhost@evil.example',
  'http://localhost',
  '//localhost',
  'loc%61lhost',
  'localhost%00',
  'localhost%2eevil.example',
  '"localhost"',
  "'localhost'",
  '*',
  '0',
  '1',
  '0.0.0.0',
  '[::]',
  '127.1',
  '127.0.1',
  '127.0.0.1.',
  '127.0.0.1.nip.io',
  '127.0.0.01',
  '0127.0.0.1',
  '0177.0.0.1',
  '0x7f.0.0.1',
  '0x7f000001',
  '2130706433',
  '017700000001',
  '127.0.0.256',
  '127.0.0.1:8500.evil.example',
  '127.0.0.1%20',
  '10.0.0.1',
  '10.0.0.1:8500',
  '169.254.169.254',
  '192.168.1.1',
  '255.255.255.255',
  '::1',
  '::1:8500',
  '[::1',
  '::1]',
  '[::1]evil.example',
  '[::1].',
  '[::1%25lo]',
  '[::1%lo]',
  '[0:0:0:0:0:0:0:1]',
  '[::0001]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[127.0.0.1]',
  '[localhost]',
  '[fe80::1]',
  '[fd00::5]:8500',
  'ann',
  'consul.service.consul',
  'ｌocalhost',
  'lo\u00adcalhost',
];

const GOOD_HOSTS = [
  'localhost',
  'LOCALHOST',
  'localhost:8500',
  'LocalHost:1',
  '127.0.0.1',
  '127.0.0.1:8500',
  '127.0.0.1:65535',
  '127.8.8.8',
  '[::1]',
  '[::1]:8500',
  'consul.example',
  'CONSUL.example:80',
];

const get = (host: string): string =>
  `GET /v1/status/leader HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

describe('S11 only a Host of this agent is allowed', () => {
  test(`S11 each of ${BAD_HOSTS.length} bad Hosts is refused`, async () => {
    const server = await serve(new FakeAgent(member('ann')), { allowedHosts: ['consul.example'] });
    expect(BAD_HOSTS.length).toBeGreaterThanOrEqual(60);
    for (const host of BAD_HOSTS) {
      const answer = await raw(server, get(host));
      expect(`${host} → ${answer.slice(0, 12)}`).toMatch(/HTTP\/1\.1 40[03]$/);
      expect(answer).not.toContain('10.0.0.1:8300');
    }
  });

  test('S11 loopback addresses, localhost and configured names are allowed, with any port', async () => {
    const server = await serve(new FakeAgent(member('ann')), { allowedHosts: ['Consul.Example'] });
    for (const host of GOOD_HOSTS) expect(await raw(server, get(host))).toContain('"10.0.0.1:8300"');
  });

  test('S11 on a socket of the network its own address is allowed, localhost is not', () => {
    const ours = (host: string, names: string[] = []) => isAllowedHost(host, '192.0.2.1', new Set(names));
    expect(ours('192.0.2.1:8500')).toBe(true);
    expect(ours('127.0.0.1')).toBe(true);
    expect(ours('192.0.2.2')).toBe(false);
    expect(ours('localhost')).toBe(false);
    expect(ours('localhost', ['localhost'])).toBe(true);
    expect(isAllowedHost('192.0.2.1', '::ffff:192.0.2.1', new Set())).toBe(true);
    expect(isAllowedHost('localhost', '::ffff:127.0.0.1', new Set())).toBe(true);
    expect(isAllowedHost('[fd00::5]:8500', 'fd00::5', new Set())).toBe(true);
    expect(isAllowedHost('0.0.0.0', '', new Set())).toBe(false);
  });

  test('S11 a request of HTTP/1.1 without a Host, or with two, is malformed; an empty one is refused', async () => {
    const server = await serve(new FakeAgent(member('ann')));
    const ask = (headers: string) =>
      raw(server, `GET /v1/status/leader HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);
    for (const headers of [
      '',
      'Host: localhost\r\nHost: evil.example\r\n',
      'Host: evil.example\r\nHost: localhost\r\n',
      'Host: localhost\r\nhost: localhost\r\n',
    ])
      expect(await ask(headers)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await ask('Host:\r\n')).toMatch(/^HTTP\/1\.1 403 /);
  });

  test('S11 a health probe of HTTP/1.0 without a Host is answered on loopback', async () => {
    const server = await serve(new FakeAgent(member('ann')));
    expect(await raw(server, 'GET /v1/status/leader HTTP/1.0\r\n\r\n')).toContain('"10.0.0.1:8300"');
    const elsewhere = createHostCheck([]);
    const probe = { httpVersion: '1.0', url: '/', rawHeaders: [], socket: { localAddress: '192.0.2.1' } };
    expect(() => elsewhere(probe as unknown as IncomingMessage)).toThrow('Send one Host header');
  });

  test('S11 the host of a whole address in the request line counts, and the Host header does not', async () => {
    const server = await serve(new FakeAgent(member('ann')));
    const ask = (target: string, host: string) =>
      raw(server, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(await ask('http://evil.example/v1/status/leader', 'localhost')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await ask('http://evil.example@localhost/v1/status/leader', 'localhost')).toMatch(
      /^HTTP\/1\.1 40/,
    );
    for (const target of [
      'http://localhost:8500/v1/status/leader',
      'HTTP://127.0.0.1/v1/status/leader?pretty',
    ])
      for (let i = 0; i < 2; i++) expect(await ask(target, 'evil.example')).toContain('"10.0.0.1:8300"');
    expect(await ask('http://localhost', 'localhost')).toContain('hearsay agent');
    for (const target of ['https://localhost/', 'ftp://localhost/', '*', 'localhost'])
      expect(await ask(target, 'localhost')).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('S11 the names of the node, of its host and of its DNS are its own', () => {
    const config = { node: 'Web-1', datacenter: 'dc1', domain: 'hearsay', altDomain: 'consul' };
    const names = ownHostNames({ ...config, selfService: 'consul' } as never, 'box.example');
    const own = new Set(names.map((name) => name.toLowerCase()));
    for (const host of [
      ...['web-1', 'WEB-1:8500', 'box.example', 'web-1.node.consul', 'web-1.node.dc1.hearsay'],
      ...['consul.service.consul:8500', 'consul.service.dc1.consul'],
    ])
      expect([host, isAllowedHost(host, '192.0.2.1', own)]).toEqual([host, true]);
    for (const host of ['web-2', 'web-1.example', 'web-1.node.evil', 'node.consul', 'consul', 'web-1.'])
      expect([host, isAllowedHost(host, '127.0.0.1', own)]).toEqual([host, false]);
    expect(ownHostNames({ ...config, selfService: 'off' } as never, 'h').join()).not.toContain('service');
  });

  test('T1 Host is not checked on a socket file: Go clients send its path', async () => {
    const path = socketPath();
    const server = await serve(new FakeAgent(member('ann')), { listen: { path } });
    expect(server.address).toBe(`unix:${path}`);
    for (const host of [path, 'evil.example', '%2Fvar%2Frun'])
      expect((await send(server, '/v1/status/leader', { headers: { host } })).body).toBe('"10.0.0.1:8300"');
  });
});
