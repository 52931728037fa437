/** Names of services and their answers, over real sockets. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NODES, SERVICES } from '../catalog.ts';
import {
  answerTo,
  formatRecord,
  NODATA,
  NXDOMAIN,
  sendQuery,
  startServer,
  type TestServer,
} from '../fixture.ts';

const WEB_A = 'NOERROR | A 10.0.0.1 | A 10.0.0.3 | A 10.9.9.2';
const WEB_SRV = [
  'NOERROR',
  'SRV 1 1 8080 d1.node.dc1.consul',
  'SRV 1 1 8081 0a090902.addr.dc1.consul',
  'SRV 1 2 8082 d3.node.dc1.consul',
  '+ 0a090902.addr.dc1.consul A 10.9.9.2',
  '+ d1.node.dc1.consul A 10.0.0.1',
  '+ d3.node.dc1.consul A 10.0.0.3',
].join(' | ');
const V1_SRV = [
  'NOERROR',
  'SRV 1 1 8080 d1.node.dc1.consul',
  'SRV 1 2 8082 d3.node.dc1.consul',
  '+ d1.node.dc1.consul A 10.0.0.1',
  '+ d3.node.dc1.consul A 10.0.0.3',
].join(' | ');

const METRICS_SRV = 'NOERROR | SRV 1 1 9100 d1.node.dc1.consul | + d1.node.dc1.consul A 10.0.0.1';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ altDomain: 'corp.example' }, NODES, SERVICES);
});
afterAll(() => server.close());

describe('named ports', () => {
  test.each([
    ['metrics.port.multi.service.consul SRV', METRICS_SRV],
    ['METRICS.Port.multi.service.dc1.consul SRV', METRICS_SRV],
    ['_metrics._multi.service.consul SRV', METRICS_SRV],
    ['metrics.port.multi.service.consul A', 'NOERROR | A 10.0.0.1'],
    ['http.port.multi.service.consul A', 'NOERROR | A 10.0.0.1 | A 10.0.0.2'],
    ['port.multi.service.consul A', NODATA],
    ['nope.port.multi.service.consul SRV', NXDOMAIN],
    ['http.port.web.service.consul SRV', NXDOMAIN],
    ['port.web.service.consul A', NXDOMAIN],
  ])('%s: %s', async (question, expected) => {
    expect((await answerTo(server, question)).toLowerCase()).toBe(expected.toLowerCase());
  });

  test('without a name the default port is answered', async () => {
    const { answers = [] } = await sendQuery(server, 'multi.service.consul SRV');
    expect(answers.map((record) => record.type === 'SRV' && record.data.port).sort()).toEqual([80, 81]);
  });
});

describe('queries about services, over UDP and TCP', () => {
  describe.each([false, true])('tcp %s', (tcp) => {
    test.each([
      ['web.service.consul A', WEB_A],
      ['web.service.dc1.consul A', WEB_A],
      ['web.service.consul SRV', WEB_SRV],
      ['v1.web.service.consul A', 'NOERROR | A 10.0.0.1 | A 10.0.0.3'],
      ['V1.WEB.Service.Consul A', 'NOERROR | A 10.0.0.1 | A 10.0.0.3'],
      ['_web._v1.service.consul SRV', V1_SRV],
      ['_web._tcp.service.consul SRV', WEB_SRV],
      ['_web._tcp.consul SRV', WEB_SRV],
      ['_web._tcp.dc1.consul SRV', WEB_SRV],
      ['_web._tcp.service.consul A', WEB_A],
      ['_web._udp.service.consul SRV', NXDOMAIN],
      ['web.service.nodc.consul A', NXDOMAIN],
      ['web.service.consul AAAA', NODATA],
      ['web.service.consul MX', NODATA],
      ['web.service.consul CNAME', NODATA],
      ['web.service.consul TXT', NODATA],
      ['web.service.consul ANY', WEB_A],
      ['six.service.consul AAAA', 'NOERROR | AAAA fd00::5 | AAAA fd00::6'],
      ['six.service.consul A', NODATA],
      [
        'six.service.consul SRV',
        'NOERROR | SRV 1 1 6000 d5.node.dc1.consul' +
          ' | SRV 1 1 6001 fd000000000000000000000000000006.addr.dc1.consul' +
          ' | + d5.node.dc1.consul AAAA fd00::5' +
          ' | + fd000000000000000000000000000006.addr.dc1.consul AAAA fd00::6',
      ],
      ['hostsvc.service.consul A', 'NOERROR | CNAME backend.example.com'],
      ['hostsvc.service.consul SRV', 'NOERROR | SRV 1 1 443 backend.example.com'],
      ['self.service.consul A', 'NOERROR | A 10.0.0.11'],
      ['alias.service.consul A', 'NOERROR | A 10.0.0.1 | A 10.0.0.3 | A 10.9.9.2 | CNAME web.service.consul'],
      [
        'alias.service.consul SRV',
        'NOERROR | SRV 1 1 80 web.service.consul' +
          ' | + web.service.consul A 10.0.0.1 | + web.service.consul A 10.0.0.3 | + web.service.consul A 10.9.9.2',
      ],
      ['dup.service.consul A', 'NOERROR | A 10.0.0.1'],
      [
        'dup.service.consul SRV',
        'NOERROR | SRV 1 1 1000 d1.node.dc1.consul | SRV 1 1 1001 d1.node.dc1.consul' +
          ' | + d1.node.dc1.consul A 10.0.0.1',
      ],
      [
        'wtd.service.consul SRV',
        'NOERROR | SRV 1 10 1 d1.node.dc1.consul | SRV 1 3 2 d2.node.dc1.consul' +
          ' | + d1.node.dc1.consul A 10.0.0.1 | + d2.node.dc1.consul A 10.0.0.2',
      ],
      ['dead.service.consul A', NXDOMAIN],
      ['nope.service.consul SRV', NXDOMAIN],
      ['_tcp.service.consul A', NODATA],
      ['2.9.9.10.in-addr.arpa PTR', 'NOERROR | PTR web.service.dc1.consul'],
      ['1.0.0.10.in-addr.arpa PTR', 'NOERROR | PTR d1.node.dc1.consul'],
      ['3.9.9.10.in-addr.arpa PTR', NXDOMAIN],
    ])('%s: %s', async (question, expected) => {
      expect(await answerTo(server, question, { tcp, edns: 4096 })).toBe(expected);
    });
  });

  test('every SRV target resolves on its own to its additional records', async () => {
    let targets = 0;
    for (const service of ['web', 'six', 'alias', 'dup', 'wtd', 'self']) {
      const { additionals = [] } = await sendQuery(server, `${service}.service.consul SRV`);
      for (const name of new Set(additionals.map((record) => record.name))) {
        const alone = [
          ...((await sendQuery(server, `${name} A`)).answers ?? []),
          ...((await sendQuery(server, `${name} AAAA`)).answers ?? []),
        ];
        const together = additionals.filter((record) => record.name === name);
        expect(alone.map(formatRecord).sort()).toEqual(together.map(formatRecord).sort());
        targets++;
      }
    }
    expect(targets).toBe(3 + 2 + 1 + 1 + 2 + 1);
  });
});

describe('names', () => {
  test.each([
    ['_web._TCP.service.consul A', WEB_A],
    ['_web._Blue.service.consul A', 'NOERROR | A 10.0.0.1'],
    ['nope.web.service.consul A', NXDOMAIN],
    ['v1.dead.service.consul A', NXDOMAIN],
    ['tag.dot.mixed.service.consul A', 'NOERROR | A 10.0.0.1'],
    ['N3 dot.mixed.service.consul A', NODATA],
    ['tag.mixed.service.consul A', NXDOMAIN],
    ['web.service.default.ns.dc1.dc.consul A', WEB_A],
    ['web.service.other.ns.dc1.dc.consul A', NXDOMAIN],
    ['web.connect.consul A', NXDOMAIN],
    ['web.query.consul A', NXDOMAIN],
  ])('%s: %s', async (question, expected) => {
    expect(await answerTo(server, question.replace(/^N\d /, ''))).toBe(expected);
  });

  test('D4 the owner has the letter case of the question', async () => {
    for (const name of ['V1.WEB.Service.Consul', '_wEb._TcP.CONSUL'])
      for (const { name: owner } of (await sendQuery(server, `${name} A`)).answers ?? [])
        expect(owner).toBe(name);
  });

  test('D5 targets are in the domain of the question', async () => {
    const { answers = [], additionals = [] } = await sendQuery(server, 'web.service.corp.example SRV');
    expect(answers).toHaveLength(3);
    for (const record of answers) expect(formatRecord(record)).toMatch(/\.dc1\.corp\.example$/);
    for (const { name } of additionals) expect(name).toMatch(/\.dc1\.corp\.example$/);
    expect(await answerTo(server, 'self.service.corp.example A')).toBe('NOERROR | A 10.0.0.11');
  });

  test('_udp is a tag like any other, unless udpIsNoTag is set and no instance has it', async () => {
    const own = await startServer({ udpIsNoTag: true }, NODES, [
      ...SERVICES,
      { node: 'd1', name: 'dns', port: 53 },
      { node: 'd2', name: 'ntp', port: 123, tags: ['UDP'] },
      { node: 'd3', name: 'ntp', port: 124 },
    ]);
    expect(await answerTo(own, '_dns._udp.service.consul A')).toBe('NOERROR | A 10.0.0.1');
    expect(await answerTo(own, '_ntp._udp.service.consul A')).toBe('NOERROR | A 10.0.0.2');
    expect(await answerTo(own, 'udp.dns.service.consul A')).toBe(NXDOMAIN);
    expect(await answerTo(own, '_nope._udp.service.consul A')).toBe(NXDOMAIN);
    await own.close();
  });
});

test('H5 each answer has a new order, for addresses and SRV alike', async () => {
  for (const type of ['A', 'SRV']) {
    const orders = new Set<string>();
    for (let i = 0; i < 60; i++)
      orders.add(
        ((await sendQuery(server, `web.service.consul ${type}`)).answers ?? []).map(formatRecord).join(' '),
      );
    expect(orders.size).toBe(6);
  }
});

test('N4 an existing service is never NXDOMAIN, whatever the type', async () => {
  for (const type of ['A', 'AAAA', 'TXT', 'SRV', 'MX', 'CNAME', 'NS', 'SOA', 'PTR', 'CAA', 'DS', 'ANY'])
    for (const name of ['web', 'six', 'hostsvc', 'alias', 'v1.web', 'consul'])
      expect(await answerTo(server, `${name}.service.consul ${type}`)).toMatch(/^NOERROR \| /);
});
