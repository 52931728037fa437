/** Rules that span several parts of the server, and the check that every numbered rule has a test that names it. */
import { readdirSync, readFileSync } from 'node:fs';
import { decode } from 'dns-packet';
import { afterEach, describe, expect, test } from 'vitest';
import { toAddress } from '../../../src/base/address.ts';
import { parseCidr } from '../../../src/config/names.ts';
import { agentSection } from '../../../src/config/schema.ts';
import { withDefaults } from '../../../src/config/setting.ts';
import { type DnsRequest, parseDnsRequest } from '../../../src/dns/message/request.ts';
import type { DnsOptions } from '../../../src/dns/options.ts';
import { createResponder } from '../../../src/dns/responder.ts';
import { classifyClient } from '../../../src/dns/server/access.ts';
import { toDnsOptions } from '../../../src/dns/settings.ts';
import { maxResponseBytes, type QueryOrigin } from '../../../src/dns/truncate.ts';
import { bigService, NODES, type NodeRow, SERVICES, type ServiceRow } from './catalog.ts';
import {
  answerTo,
  optOf,
  queryBytes,
  rcodeOf,
  sendQuery,
  startServer,
  type TestServer,
  viewOf,
} from './fixture.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function startServerWith(
  options: Partial<DnsOptions> = {},
  rows: readonly NodeRow[] = NODES,
  services: readonly ServiceRow[] = SERVICES,
): Promise<TestServer> {
  const opened = await startServer(options, rows, services);
  closing.push(() => opened.close());
  return opened;
}

test('every numbered rule of docs/consul-dns.md is named by a test', () => {
  const table = readFileSync(new URL('../../../docs/consul-dns.md', import.meta.url), 'utf8');
  const rules = [...table.matchAll(/^\| ([DHNZE]\d+|S2[01]) \|/gm)].map(([, id]) => id as string);
  expect(rules).toHaveLength(10 + 6 + 5 + 10 + 4 + 2);
  const here = new URL('.', import.meta.url);
  const names = readdirSync(here, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => readFileSync(new URL(file, here), 'utf8').match(/^ *(?:test|describe)\(.*$/gm) ?? []);
  const untested = rules.filter((id) => !names.some((name) => new RegExp(`\\b${id}\\b`).test(name)));
  expect(untested).toEqual([]);
});

describe('rules', () => {
  test('D10 answers are synchronous, with or without recursors, unless they need a foreign name', () => {
    const servers = [toAddress(Uint8Array.of(192, 0, 2, 1), 53)];
    const responder = createResponder({
      ...{
        listen: { host: '127.0.0.1', port: 0 },
        view: viewOf(NODES, SERVICES),
        domain: 'consul',
        datacenter: 'dc1',
      },
      ...{ nodeTtlSeconds: 0, serial: () => 1 },
      recursors: { servers, strategy: 'sequential', timeout: 1000 },
    });
    closing.push(() => responder.close());
    const origin: QueryOrigin = { transport: 'udp', loopback: true, spoofable: false, trusted: true };
    for (const name of ['web.service.consul', 'nope.service.consul', '1.0.0.10.in-addr.arpa'])
      for (const type of ['A', 'SRV', 'PTR', 'DS'])
        expect(responder.respond(queryBytes(name, type), origin, 'answer')).toBeInstanceOf(Buffer);
  });

  test('H5 over many answers each instance comes first about equally often', async () => {
    const own = await startServerWith();
    const first = new Map<string, number>();
    for (let i = 0; i < 600; i++) {
      const record = (await sendQuery(own, 'web.service.consul A')).answers?.[0];
      const ip = record?.type === 'A' ? record.data : 'none';
      first.set(ip, (first.get(ip) ?? 0) + 1);
    }
    expect(first.size).toBe(3);
    for (const times of first.values()) expect(times).toBeGreaterThan(140);
  });

  test.each([
    'consul A',
    'service.consul A',
    'dc1.consul A',
    'service.dc1.consul A',
    'node.consul A',
    'node.dc1.consul A',
    'addr.consul A',
    'query.consul A',
    '_tcp.service.consul A',
    '_tcp.service.dc1.consul A',
    '_tcp.consul A',
    'dot.mixed.service.consul A',
  ])('N3 %s is an empty non-terminal: NODATA with the SOA, for each type', async (question) => {
    const own = await startServerWith();
    const [name = ''] = question.split(' ');
    for (const type of ['A', 'AAAA', 'SRV', 'TXT', 'DS', 'CAA', 'HTTPS'])
      expect(await answerTo(own, `${name} ${type}`)).toBe('NOERROR | authority SOA');
  });

  test('N3 with strict QNAME minimization, as in unbound, no ancestor of an existing name is NXDOMAIN', async () => {
    const own = await startServerWith({ altDomain: 'hearsay' });
    for (const full of [
      'web.service.consul',
      'v1.web.service.dc1.consul',
      'tag.dot.mixed.service.consul',
      '_web._tcp.service.consul',
      '_web._tcp.service.dc1.hearsay',
      'd1.node.dc1.consul',
      '0a090902.addr.dc1.consul',
    ]) {
      const labels = full.split('.');
      for (let from = labels.length - 1; from >= 0; from--) {
        const packet = await sendQuery(own, `${labels.slice(from).join('.')} A`, {
          flags: 0x0010,
          edns: 1232,
        });
        expect(`${full} ${from} ${rcodeOf(packet)}`).toBe(`${full} ${from} NOERROR`);
      }
    }
  });

  test('Z1 the limit is the size in the OPT, at least 512; 1232 for other hosts', () => {
    const local: QueryOrigin = { transport: 'udp', loopback: true, spoofable: false, trusted: true };
    const limit = (edns: number | undefined, origin: Partial<QueryOrigin> = {}): number =>
      maxResponseBytes(
        parseDnsRequest(
          queryBytes('web.service.consul', 'A', edns === undefined ? {} : { edns }),
        ) as DnsRequest,
        { ...local, ...origin },
      );
    expect([undefined, 1, 511, 512, 1232, 8192, 65_507, 65_508, 65_535].map((edns) => limit(edns))).toEqual([
      512, 512, 512, 512, 1232, 8192, 65_507, 65_507, 65_507,
    ]);
    expect([undefined, 1000, 8192].map((edns) => limit(edns, { loopback: false }))).toEqual([
      512, 1000, 1232,
    ]);
    expect(limit(undefined, { transport: 'tcp' })).toBe(65_535);
  });

  test('Z9 truncation leaves at least one answer, whatever the size and the type', async () => {
    const long = Array.from({ length: 30 }, (_, i) => ({
      node: `n${i}`,
      name: 'far',
      port: 80 + i,
      address: `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.host-${i}.example.com`,
    }));
    const rows = long.map(({ node }, i) => ({ name: node, ip: `10.3.0.${i}` }));
    const { nodes, services } = bigService(300);
    const own = await startServerWith({}, [...rows, ...nodes], [...long, ...services]);
    for (const question of [
      'big.service.consul A',
      '_big._tcp.service.consul SRV',
      'far.service.consul SRV',
      'far.service.consul A',
    ])
      for (const edns of [undefined, 1, 512, 600, 1232, 4096, 65_535])
        for (const tcp of [false, true]) {
          const packet = await sendQuery(own, question, { tcp, ...(edns === undefined ? {} : { edns }) });
          expect(packet.answers?.length, `${question} ${edns} ${tcp}`).toBeGreaterThan(0);
        }
  });

  test('E4 the client subnet is echoed with scope 0, whatever the answer', async () => {
    const own = await startServerWith();
    const subnet = { code: 8, data: Buffer.from([0, 1, 24, 9, 192, 0, 2]) };
    for (const question of ['web.service.consul A', 'nope.service.consul A', 'example.com A']) {
      // @types/dns-packet asks for more fields than encode() reads of an option given as data.
      const opt = optOf(await sendQuery(own, question, { opt: { options: [subnet as never] } }));
      const option = opt?.options.find(({ code }) => (code as unknown as number) === 8);
      expect(option?.data).toEqual(Buffer.from([0, 1, 24, 0, 192, 0, 2]));
    }
  });

  test('mesh names, other datacenters and anything else below the domain are NXDOMAIN', async () => {
    const own = await startServerWith();
    for (const name of [
      'web.connect.consul',
      'web.ingress.consul',
      'web.virtual.consul',
      'web.service.dc2.consul',
      'd1.node.dc2.consul',
      'web.query.consul',
      'web.consul',
      'web.service.other.ns.dc1.dc.consul',
      'web.service.x.peer.consul',
    ])
      expect(await answerTo(own, `${name} A`), name).toBe('NXDOMAIN | authority SOA');
    expect(await answerTo(own, 'web.service.default.ns.dc1.dc.consul A')).toMatch(/^NOERROR \| A 10/);
  });

  test('udp_answer_limit applies to 512 bytes over UDP only, and sets TC', async () => {
    const { nodes, services } = bigService(20);
    const own = await startServerWith({ truncation: { udpAnswerLimit: 3 } }, nodes, services);
    const count = async (query: Parameters<typeof sendQuery>[2]) => {
      const packet = await sendQuery(own, 'big.service.consul A', query);
      return [packet.answers?.length, packet.flag_tc];
    };
    expect(await count({})).toEqual([3, true]);
    expect(await count({ edns: 512 })).toEqual([3, false]);
    expect(await count({ edns: 1232 })).toEqual([20, false]);
    expect(await count({ tcp: true })).toEqual([20, false]);
  });

  test('every setting is passed on, and 0 means no limit', () => {
    const listen = { ip: Uint8Array.of(127, 0, 0, 1), port: 8600, host: '127.0.0.1', key: '' };
    const settings = (values: Partial<ReturnType<typeof withDefaults<typeof agentSection>>>) =>
      toDnsOptions(withDefaults(agentSection, values), listen);
    expect(settings({})).toMatchObject({
      domain: 'hearsay',
      altDomain: 'consul',
      aRecordLimit: Number.POSITIVE_INFINITY,
      truncation: { truncate: 'auto', udpAnswerLimit: Number.POSITIVE_INFINITY },
      soa: { refreshSeconds: 3600, retrySeconds: 600, expireSeconds: 86_400, minimumSeconds: 0 },
      recursors: { servers: [], strategy: 'sequential', timeout: 2000 },
    });
    expect(
      settings({
        ...{ dnsARecordLimit: 2, dnsUdpAnswerLimit: 3, dnsTruncate: 'never', dnsSoaMinTtl: 5000 },
        ...{ dnsRecursor: ['9.9.9.9', '[::1]:5353'], dnsAllow: ['10.0.0.0/8'], dnsUdpIsNoTag: true },
      }),
    ).toMatchObject({
      ...{ aRecordLimit: 2, udpIsNoTag: true, allow: [{ bits: 8 }], soa: { minimumSeconds: 5 } },
      truncation: { truncate: 'never', udpAnswerLimit: 3 },
      recursors: { servers: [{ key: '9.9.9.9:53' }, { key: '[::1]:5353' }] },
    });
  });
});

describe('S20: which clients are answered', () => {
  const allow = ['10.0.0.0/8', 'fd00::/8'].map(parseCidr);

  test.each([
    ['127.0.0.1', 'local'],
    ['::1', 'local'],
    ['::ffff:127.0.0.1', 'local'],
    ['10.1.2.3', 'allowed'],
    ['::ffff:10.1.2.3', 'allowed'],
    ['fd00::1%eth0', 'allowed'],
    ['11.0.0.1', 'refused'],
    ['2001:db8::1', 'refused'],
    ['not an address', 'refused'],
  ])('%s is %s', (host, client) => {
    expect(classifyClient(host, allow)).toBe(client);
    expect(classifyClient(host, [])).toBe(client === 'local' ? 'local' : 'outsider');
  });
});

test('D8 the owner of an answer is a pointer to the question', async () => {
  const own = await startServerWith();
  const packet = decode(queryBytes('web.service.consul', 'A'));
  expect((await sendQuery(own, 'web.service.consul A')).questions).toEqual(packet.questions);
});
