/** Which instances an answer has, with which names and TTLs: cases beyond the tables of names. */
import { afterEach, describe, expect, test } from 'vitest';
import type { DnsOptions } from '../../../src/dns/options.ts';
import { NODES, type NodeRow, type ServiceRow } from './catalog.ts';
import { answerTo, NODATA, NXDOMAIN, sendQuery, startServer, type TestServer } from './fixture.ts';

const servers: TestServer[] = [];
async function startServerWith(
  services: readonly ServiceRow[],
  options: Partial<DnsOptions> = {},
  nodes: readonly NodeRow[] = NODES,
): Promise<TestServer> {
  const server = await startServer(options, nodes, services);
  servers.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('which instances', () => {
  const states: readonly ServiceRow[] = [
    { node: 'd1', name: 'web' },
    { node: 'd2', name: 'web', status: 'warning' },
    { node: 'd3', name: 'web', status: 'critical' },
    { node: 'd4', name: 'web', status: 'maintenance' },
    { node: 'd6', name: 'web', status: 'draining' },
    { node: 'd2', name: 'shaky', status: 'warning' },
  ];

  test('H1 H2 H3 critical, maintenance and draining are out; warning is in', async () => {
    const server = await startServerWith(states);
    expect(await answerTo(server, 'web.service.consul A')).toBe('NOERROR | A 10.0.0.1 | A 10.0.0.2');
    expect(await answerTo(server, 'shaky.service.consul A')).toBe('NOERROR | A 10.0.0.2');
  });

  test('H2 H4 only_passing leaves out warning, and a service without other instances does not exist', async () => {
    const server = await startServerWith(states, { onlyPassing: true });
    expect(await answerTo(server, 'web.service.consul A')).toBe('NOERROR | A 10.0.0.1');
    expect(await answerTo(server, 'shaky.service.consul A')).toBe(NXDOMAIN);
  });

  test('H6 a shared address is answered once; one SRV per node, address and port', async () => {
    const server = await startServerWith([
      { node: 'd1', name: 'web', id: 'a', port: 80, address: '10.5.0.1' },
      { node: 'd1', name: 'web', id: 'b', port: 80, address: '10.5.0.1', weights: [7, 7] },
      { node: 'd2', name: 'vip', port: 80, address: '10.5.0.1' },
      { node: 'd3', name: 'vip', port: 80, address: '10.5.0.1' },
    ]);
    expect(await answerTo(server, 'web.service.consul A')).toBe('NOERROR | A 10.5.0.1');
    expect((await sendQuery(server, 'web.service.consul SRV')).answers).toHaveLength(1);
    // Two nodes with equal records have one record: an RRset has no duplicates.
    expect(await answerTo(server, 'vip.service.consul SRV')).toBe(
      'NOERROR | SRV 1 1 80 0a050001.addr.dc1.consul | + 0a050001.addr.dc1.consul A 10.5.0.1',
    );
  });

  test('a change shows in the very next answer: of a service, of its node, of its alias', async () => {
    const alias: ServiceRow = { node: 'd1', name: 'alias', port: 80, address: 'web.service.consul' };
    const server = await startServerWith([alias, { node: 'd2', name: 'web' }]);
    expect(await answerTo(server, 'web.service.consul A')).toBe('NOERROR | A 10.0.0.2');
    server.view.setServices([alias, { node: 'd3', name: 'web', tags: ['new'], address: '10.6.0.1' }]);
    expect(await answerTo(server, 'web.service.consul A')).toBe('NOERROR | A 10.6.0.1');
    expect(await answerTo(server, 'new.web.service.consul A')).toBe('NOERROR | A 10.6.0.1');
    expect(await answerTo(server, '1.0.6.10.in-addr.arpa PTR')).toBe('NOERROR | PTR web.service.dc1.consul');
    server.view.setServices([alias, { node: 'd3', name: 'web' }]);
    expect(await answerTo(server, 'new.web.service.consul A')).toBe(NXDOMAIN);
    expect(await answerTo(server, '1.0.6.10.in-addr.arpa PTR')).toBe(NXDOMAIN);
    server.view.setMembers([
      { name: 'd1', ip: '10.0.0.1' },
      { name: 'd3', ip: '10.7.0.3' },
    ]);
    expect(await answerTo(server, 'web.service.consul A')).toBe('NOERROR | A 10.7.0.3');
    expect(await answerTo(server, 'alias.service.consul SRV')).toBe(
      'NOERROR | SRV 1 1 80 web.service.consul | + web.service.consul A 10.7.0.3',
    );
  });
});

describe('records', () => {
  const srv = async (row: Partial<ServiceRow>, nodes?: readonly NodeRow[]): Promise<string> =>
    answerTo(
      await startServerWith([{ node: 'd1', name: 's', port: 1, ...row }], {}, nodes),
      's.service.consul SRV',
    );

  test.each([
    ["the node's own address", { address: '10.0.0.1' }, 'd1.node.dc1.consul'],
    ["the node's own address in 16 octets", { address: '::ffff:10.0.0.1' }, 'd1.node.dc1.consul'],
    ['an address written in full', { address: 'fd00:0:0:0:0:0:0:9' }, `fd${'0'.repeat(29)}9.addr.dc1.consul`],
    ['a host name with a final dot', { address: 'db.example.com.' }, 'db.example.com'],
    ['a host name of one label', { address: 'localhost' }, 'localhost'],
    ['its own name', { address: 'S.service.dc1.consul.' }, 'd1.node.dc1.consul'],
    [
      'its own name with a tag of its own',
      { address: 'x.s.service.consul', tags: ['X'] },
      'd1.node.dc1.consul',
    ],
  ])('the target for %s', async (_, row, target) => {
    expect(await srv(row)).toContain(`SRV 1 1 1 ${target}`);
  });

  test('a node whose name is not valid in DNS, or too long, is named by its address', async () => {
    const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}`;
    for (const name of ['two words', 'x'.repeat(64), long])
      expect(await srv({ node: name }, [{ name, ip: '10.0.0.1' }])).toBe(
        'NOERROR | SRV 1 1 1 0a000001.addr.dc1.consul | + 0a000001.addr.dc1.consul A 10.0.0.1',
      );
  });

  test('invalid addresses, ports, weights and unknown nodes do not affect the other instances', async () => {
    const server = await startServerWith([
      { node: 'd1', name: 's', id: '1', port: 1 },
      { node: 'd2', name: 's', id: '2', port: 2, address: 'not a host' },
      { node: 'd2', name: 's', id: '3', port: 3, address: `${'x'.repeat(64)}.example` },
      { node: 'd2', name: 's', id: '4', port: 4, address: 'a..b' },
      { node: 'd2', name: 's', id: '5', port: 5, address: 'fe80::1%eth0' },
      { node: 'ghost', name: 's', id: '6', port: 6 },
      { node: 'd3', name: 's', id: '7', port: -1 },
      { node: 'd6', name: 's', id: '8', port: 8, weights: [1e9, 1] },
      { node: 'ghost', name: 'lost' },
    ]);
    expect(await answerTo(server, 's.service.consul SRV')).toBe(
      'NOERROR | SRV 1 1 1 d1.node.dc1.consul | SRV 1 65535 8 d6.node.dc1.consul' +
        ' | + d1.node.dc1.consul A 10.0.0.1 | + d6.node.dc1.consul A 10.0.0.6',
    );
    expect(await answerTo(server, 's.service.consul A')).toBe(
      'NOERROR | A 10.0.0.1 | A 10.0.0.3 | A 10.0.0.6',
    );
    expect(await answerTo(server, 'lost.service.consul A')).toBe(NXDOMAIN);
  });

  test('a service on unix sockets has addresses and no SRV', async () => {
    const server = await startServerWith([{ node: 'd1', name: 's', port: -1 }]);
    expect(await answerTo(server, 's.service.consul SRV')).toBe(NODATA);
    expect(await answerTo(server, 's.service.consul A')).toBe('NOERROR | A 10.0.0.1');
  });
});

describe('addresses that are names', () => {
  const named = (name: string, address: string, node = 'd1'): ServiceRow => ({ node, name, address });

  test('no CNAME beside a plain address, of either family', async () => {
    const server = await startServerWith([
      named('s', 'backend.example.com'),
      { node: 'd2', name: 's', port: 81 },
    ]);
    expect(await answerTo(server, 's.service.consul A')).toBe('NOERROR | A 10.0.0.2');
    expect(await answerTo(server, 's.service.consul AAAA')).toBe(NODATA);
    expect((await sendQuery(server, 's.service.consul SRV')).answers).toHaveLength(2);
  });

  test('several host names take turns, one per answer', async () => {
    const server = await startServerWith([
      named('s', 'one.example.com'),
      named('s', 'two.example.com', 'd2'),
    ]);
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) seen.add(await answerTo(server, 's.service.consul A'));
    expect([...seen].sort()).toEqual(['NOERROR | CNAME one.example.com', 'NOERROR | CNAME two.example.com']);
  });

  test('the CNAME chain comes first and in order, whatever the order of the addresses', async () => {
    const server = await startServerWith([
      named('a', 'b.service.consul'),
      named('b', 'web.service.consul'),
      ...['d1', 'd2', 'd3'].map((node) => ({ node, name: 'web' })),
    ]);
    for (let i = 0; i < 20; i++) {
      const { answers = [] } = await sendQuery(server, 'a.service.consul A');
      expect(answers.map((record) => `${record.name} ${record.type}`)).toEqual([
        'a.service.consul CNAME',
        'b.service.consul CNAME',
        ...Array.from({ length: 3 }, () => 'web.service.consul A'),
      ]);
    }
  });

  test('CNAME and ANY are answered with the CNAME; MX and TXT are NODATA', async () => {
    const server = await startServerWith([named('a', 'd2.node.consul')]);
    expect(await answerTo(server, 'a.service.consul CNAME')).toBe('NOERROR | CNAME d2.node.consul');
    expect(await answerTo(server, 'a.service.consul ANY')).toBe(
      'NOERROR | A 10.0.0.2 | CNAME d2.node.consul',
    );
    expect(await answerTo(server, 'a.service.consul MX')).toBe(NODATA);
  });

  test('a CNAME to a name of ours without the type ends with the SOA, one to a foreign name without', async () => {
    const server = await startServerWith([
      named('a', 'd2.node.consul'),
      named('b', 'nope.service.consul'),
      named('c', 'example.com'),
    ]);
    expect(await answerTo(server, 'a.service.consul AAAA')).toBe(
      'NOERROR | CNAME d2.node.consul | authority SOA',
    );
    expect(await answerTo(server, 'b.service.consul A')).toBe(
      'NOERROR | CNAME nope.service.consul | authority SOA',
    );
    expect(await answerTo(server, 'b.service.consul SRV')).toBe('NOERROR | SRV 1 1 80 nope.service.consul');
    expect(await answerTo(server, 'c.service.consul A')).toBe('NOERROR | CNAME example.com');
  });

  test('a CNAME chain is followed for three names, not four, and loops end', async () => {
    const chain = ['b', 'c', 'd', 'e'].map((next, i) => named('abcd'[i] as string, `${next}.service.consul`));
    const server = await startServerWith([
      ...chain,
      { node: 'd2', name: 'e' },
      named('x', 'y.service.consul'),
      named('y', 'x.service.consul'),
    ]);
    const link = (name: string) => `CNAME ${name}.service.consul`;
    expect(await answerTo(server, 'b.service.consul A')).toBe(
      ['NOERROR', 'A 10.0.0.2', ...['c', 'd', 'e'].map(link)].join(' | '),
    );
    expect(await answerTo(server, 'a.service.consul A')).toBe(
      ['NOERROR', ...['b', 'c', 'd', 'e'].map(link)].join(' | '),
    );
    const loop = await answerTo(server, 'x.service.consul A');
    expect(loop).toBe(['NOERROR', link('x'), link('y'), 'authority SOA'].join(' | '));
    expect(await answerTo(server, 'x.service.consul SRV')).toMatch(
      /^NOERROR \| SRV 1 1 80 y\.service\.consul/,
    );
  });
});

describe('TTL', () => {
  test('the exact name wins over the longest prefix, and that over *, for all records of the answer', async () => {
    const names = ['web', 'web-a', 'web-api', 'other'];
    const server = await startServerWith(
      names.map((name) => ({ node: 'd1', name })),
      {
        nodeTtlSeconds: 7,
        serviceTtlSeconds: new Map([
          ['*', 1],
          ['web*', 2],
          ['Web-a*', 3],
          ['WEB', 4],
        ]),
      },
    );
    for (const [name, ttl] of [
      ['WEB', 4],
      ['web-a', 3],
      ['web-api', 3],
      ['other', 1],
    ] as const)
      for (const type of ['A', 'SRV', 'ANY']) {
        const { answers = [], additionals = [] } = await sendQuery(server, `${name}.service.consul ${type}`);
        expect(answers).toHaveLength(1);
        for (const record of [...answers, ...additionals]) expect(record).toMatchObject({ ttl });
      }
    expect((await sendQuery(server, '0a000001.addr.consul A')).answers).toMatchObject([{ ttl: 7 }]);
  });

  test('the default is 0; CNAME and PTR have the TTL of node records', async () => {
    const server = await startServerWith(
      [
        { node: 'd1', name: 'web', address: '10.5.0.1' },
        { node: 'd1', name: 'host', address: 'example.com' },
        { node: 'd1', name: 'alias', address: 'web.service.consul' },
      ],
      {
        nodeTtlSeconds: 7,
        serviceTtlSeconds: new Map([
          ['host', 3],
          ['alias', 5],
        ]),
      },
    );
    // Addresses have their own TTL as answers, and the TTL of their SRV as additional records.
    expect((await sendQuery(server, 'alias.service.consul A')).answers).toMatchObject([
      { type: 'CNAME', ttl: 7 },
      { type: 'A', ttl: 0 },
    ]);
    expect((await sendQuery(server, 'alias.service.consul SRV')).additionals).toMatchObject([
      { type: 'A', ttl: 5 },
    ]);
    expect((await sendQuery(server, 'web.service.consul A')).answers).toMatchObject([{ ttl: 0 }]);
    expect((await sendQuery(server, 'host.service.consul A')).answers).toMatchObject([
      { type: 'CNAME', ttl: 7 },
    ]);
    expect((await sendQuery(server, 'host.service.consul SRV')).answers).toMatchObject([{ ttl: 3 }]);
    expect((await sendQuery(server, '1.0.5.10.in-addr.arpa PTR')).answers).toMatchObject([{ ttl: 7 }]);
  });
});

describe('reverse lookups', () => {
  test('PTR has every service at the address, whatever its state, if no node has that address', async () => {
    const server = await startServerWith([
      { node: 'd1', name: 'web', id: '1', address: '10.5.0.1' },
      { node: 'd1', name: 'web', id: '2', address: '10.5.0.1', port: 81 },
      { node: 'd2', name: 'api', address: '10.5.0.1', status: 'critical' },
      { node: 'd2', name: 'at.node', address: '10.5.0.1' },
      { node: 'd3', name: 'db', address: '10.0.0.2' },
      { node: 'd3', name: 'six', address: 'fd00:0:0::77' },
    ]);
    expect(await answerTo(server, '1.0.5.10.in-addr.arpa PTR')).toBe(
      'NOERROR | PTR api.service.dc1.consul | PTR web.service.dc1.consul',
    );
    expect(await answerTo(server, '1.0.5.10.in-addr.arpa A')).toBe(NODATA);
    expect(await answerTo(server, '2.0.0.10.in-addr.arpa PTR')).toBe('NOERROR | PTR d2.node.dc1.consul');
    expect(await answerTo(server, `7.7.${'0.'.repeat(28)}d.f.ip6.arpa PTR`)).toBe(
      'NOERROR | PTR six.service.dc1.consul',
    );
  });
});

describe('the service of the agents themselves', () => {
  const rows: readonly NodeRow[] = [
    { name: 'a', ip: '10.1.0.1' },
    { name: 'b', ip: 'fd00::b', status: 'suspect' },
    { name: 'c', ip: '10.1.0.3', status: 'failed' },
    { name: 'd', ip: '10.1.0.4', status: 'left' },
  ];

  test('consul.service.consul has every live node, with port 8300', async () => {
    const server = await startServerWith([], {}, rows);
    expect(await answerTo(server, 'consul.service.consul A')).toBe('NOERROR | A 10.1.0.1');
    expect(await answerTo(server, 'consul.service.consul AAAA')).toBe('NOERROR | AAAA fd00::b');
    expect(await answerTo(server, '_Consul._tcp.consul SRV')).toBe(
      'NOERROR | SRV 1 1 8300 a.node.dc1.consul | SRV 1 1 8300 b.node.dc1.consul' +
        ' | + a.node.dc1.consul A 10.1.0.1 | + b.node.dc1.consul AAAA fd00::b',
    );
    expect(await answerTo(server, 'x.consul.service.consul A')).toBe(NXDOMAIN);
    server.view.setMembers(rows.slice(0, 1).concat({ name: 'e', ip: '10.1.0.5' }));
    expect(await answerTo(server, 'consul.service.consul A')).toBe('NOERROR | A 10.1.0.1 | A 10.1.0.5');
  });

  test('it can have another name, or none', async () => {
    const other = await startServerWith([], { selfService: 'Hearsay' }, rows);
    expect(await answerTo(other, 'hearsay.service.consul A')).toBe('NOERROR | A 10.1.0.1');
    expect(await answerTo(other, 'consul.service.consul A')).toBe(NXDOMAIN);
    const none = await startServerWith([], { selfService: 'off' }, rows);
    expect(await answerTo(none, 'consul.service.consul A')).toBe(NXDOMAIN);
    expect(await answerTo(none, 'off.service.consul A')).toBe(NXDOMAIN);
  });

  test('a registered service of that name takes precedence, even if it is critical', async () => {
    const server = await startServerWith(
      [{ node: 'a', name: 'consul', address: '10.8.0.1', port: 9 }],
      {},
      rows,
    );
    expect(await answerTo(server, 'consul.service.consul A')).toBe('NOERROR | A 10.8.0.1');
    server.view.setServices([{ node: 'a', name: 'consul', status: 'critical' }]);
    expect(await answerTo(server, 'consul.service.consul A')).toBe(NXDOMAIN);
  });
});
