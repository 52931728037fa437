/** The server as dig sees it: an independent decoder of packets. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bigService, NODES, SERVICES } from './catalog.ts';
import { startServer, type TestServer } from './fixture.ts';

const run = promisify(execFile);
const missing = spawnSync('dig', ['-v']).error !== undefined;

let server: TestServer;
beforeAll(async () => {
  const tags = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`key-${i}`, 'some value']));
  const big = bigService(60);
  const fat = { name: 'fat', ip: '10.0.0.66', tags };
  server = await startServer({}, [...NODES, fat, ...big.nodes], [...SERVICES, ...big.services]);
});
afterAll(() => server.close());

/** The output of dig. The test fails if dig complains about a packet. */
async function dig(...args: string[]): Promise<string> {
  const { stdout } = await run('dig', [
    '@127.0.0.1',
    '-p',
    String(server.port),
    '+tries=1',
    '+time=20',
    ...args,
  ]);
  expect(stdout).not.toMatch(/malformed|unexpected|mismatch|extra bytes/i);
  return stdout;
}

describe.skipIf(missing)(`by dig${missing ? ' (skipped: dig is not installed)' : ''}`, () => {
  test('an address, over UDP and TCP, in the letter case of the question', async () => {
    for (const transport of ['+notcp', '+tcp']) {
      const output = await dig('D1.Node.Consul', transport);
      expect(output).toMatch(/status: NOERROR/);
      expect(output).toMatch(/flags: qr aa rd; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1/);
      expect(output).toMatch(/^D1\.Node\.Consul\.\s+0\s+IN\s+A\s+10\.0\.0\.1$/m);
      expect(output).toMatch(/EDNS: version: 0, flags:; udp: 4096/);
    }
  });

  test('NS with addresses in the additional section', async () => {
    const output = await dig('consul', 'NS');
    expect(output).toMatch(/ANSWER: 3, AUTHORITY: 0, ADDITIONAL: 4/);
    const [, name = ''] = /^consul\.\s+0\s+IN\s+NS\s+(\S+\.node\.dc1\.consul)\.$/m.exec(output) ?? [];
    expect(output).toMatch(new RegExp(`^${name}\\.\\s+0\\s+IN\\s+A(?:AAA)?\\s+\\S+$`, 'm'));
  });

  test('SRV of a service with its addresses, over UDP and TCP', async () => {
    for (const transport of ['+notcp', '+tcp']) {
      const output = await dig('_web._tcp.service.consul', 'SRV', transport);
      expect(output).toMatch(/flags: qr aa rd; QUERY: 1, ANSWER: 3, AUTHORITY: 0, ADDITIONAL: 4/);
      for (const line of [
        '_web._tcp.service.consul. 0 IN SRV 1 1 8080 d1.node.dc1.consul.',
        '_web._tcp.service.consul. 0 IN SRV 1 1 8081 0a090902.addr.dc1.consul.',
        '_web._tcp.service.consul. 0 IN SRV 1 2 8082 d3.node.dc1.consul.',
        '0a090902.addr.dc1.consul. 0 IN A 10.9.9.2',
      ])
        expect(output.replace(/[ \t]+/g, ' ')).toContain(`${line}\n`);
    }
  });

  test('the CNAME first, then its addresses', async () => {
    const lines = (await dig('alias.service.consul', '+short')).trim().split('\n');
    expect(lines[0]).toBe('web.service.consul.');
    expect(lines.slice(1).sort()).toEqual(['10.0.0.1', '10.0.0.3', '10.9.9.2']);
  });

  test('60 instances: 29 and TC without EDNS, then all over TCP; all at once with it', async () => {
    expect(await dig('big.service.consul', '+noedns', '+ignore')).toMatch(/ qr aa tc rd; .* ANSWER: 29,/);
    expect(await dig('big.service.consul', '+noedns')).toMatch(/ANSWER: 60,/);
    expect(await dig('big.service.consul', '+bufsize=1232')).toMatch(/ qr aa rd; .* ANSWER: 60,/);
    expect(await dig('big.service.consul', 'SRV', '+bufsize=4096')).toMatch(
      / qr aa rd; .* ANSWER: 60, AUTHORITY: 0, ADDITIONAL: 61/,
    );
    expect(await dig('consul.service.consul', 'SRV', '+tcp', '+short')).toMatch(
      /^1 1 8300 node-59\.node\.dc1\.consul\.$/m,
    );
  });

  test('SOA in the authority of NXDOMAIN and NODATA', async () => {
    const soa =
      /^node\.consul\.\s+0\s+IN\s+SOA\s+ns\.consul\. hostmaster\.consul\. 1700000000 3600 600 86400 0$/m;
    const gone = await dig('nope.node.consul', 'A');
    expect(gone).toMatch(/status: NXDOMAIN/);
    expect(gone).toMatch(soa);
    const empty = await dig('d1.node.consul', 'AAAA');
    expect(empty).toMatch(/status: NOERROR/);
    expect(empty).toMatch(soa);
  });

  test('reverse lookups', async () => {
    expect(await dig('-x', '10.0.0.1', '+short')).toBe('d1.node.dc1.consul.\n');
    expect(await dig('-x', 'fd00::5', '+short')).toBe('d5.node.dc1.consul.\n');
  });

  test('Z5 without EDNS dig falls back to TCP by itself', async () => {
    const cut = await dig('fat.node.consul', 'TXT', '+noedns', '+ignore');
    expect(cut).toMatch(/flags: qr aa tc rd/);
    const whole = await dig('fat.node.consul', 'TXT', '+noedns');
    expect(whole).toMatch(/Truncated, retrying in TCP mode/);
    expect(whole).toMatch(/ANSWER: 40,/);
  });

  test('one UDP response of many kilobytes on loopback', async () => {
    expect(await dig('fat.node.consul', 'TXT', '+bufsize=65000')).toMatch(
      /flags: qr aa rd; QUERY: 1, ANSWER: 40,/,
    );
  });

  test('D7 opcode STATUS and AXFR are NOTIMP', async () => {
    expect(await dig('consul', '+header-only', '+opcode=STATUS')).toMatch(/opcode: STATUS, status: NOTIMP/);
    expect(await dig('consul', 'AXFR')).toMatch(/Transfer failed/);
  });

  test('E2 EDNS version 1 is BADVERS', async () => {
    expect(await dig('d1.node.consul', '+edns=1', '+noednsnegotiation')).toMatch(/status: BADVERS/);
    expect(await dig('d1.node.consul', '+edns=1')).toMatch(/status: NOERROR/);
  });

  test('E4 the client subnet is echoed with scope 0', async () => {
    expect(await dig('d1.node.consul', '+subnet=192.0.2.77/24')).toMatch(
      /CLIENT-SUBNET: 192\.0\.2\.0\/24\/0/,
    );
  });

  test('D9 outside: REFUSED', async () => {
    expect(await dig('.', 'NS')).toMatch(/status: REFUSED/);
    expect(await dig('version.bind', 'CH', 'TXT')).toMatch(/status: REFUSED/);
  });
});
