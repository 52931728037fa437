/** Truncation and EDNS: which records fit, which are left out, and when TC is set. */
import { type Answer, decode } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import type { DnsResponse } from '../../../src/dns/answer.ts';
import { CompiledAnswer } from '../../../src/dns/message/compiled-records.ts';
import { type AnswerItem, RCODE, type ResourceRecord } from '../../../src/dns/message/records.ts';
import { type DnsRequest, parseDnsRequest } from '../../../src/dns/message/request.ts';
import { DNS_DEFAULTS } from '../../../src/dns/options.ts';
import {
  maxResponseBytes,
  type QueryOrigin,
  type TruncationOptions,
  truncateResponse,
} from '../../../src/dns/truncate.ts';
import {
  answerTo,
  optOf,
  queryBytes,
  rcodeOf,
  sendQuery,
  sendTcp,
  sendUdp,
  startServer,
  type TestServer,
} from './fixture.ts';

const UDP: QueryOrigin = { transport: 'udp', loopback: true, spoofable: false, trusted: true };
const TCP: QueryOrigin = { transport: 'tcp', loopback: true, spoofable: false, trusted: true };

/** `n` instances of a service, each on a node of its own. */
function instances(n: number, name = (i: number) => `node-${i}`): AnswerItem[] {
  return Array.from({ length: n }, (_, i) => {
    const target = `${name(i)}.node.dc1.consul`;
    const additionals: ResourceRecord = {
      owner: target,
      ttlSeconds: 0,
      data: { type: 'A', ip: Uint8Array.of(10, 0, i >> 8, i & 255) },
    };
    const data = { type: 'SRV', priority: 1, weight: 1, port: 8000 + i, target } as const;
    return { record: { owner: 'big.service.consul', ttlSeconds: 0, data }, additionals: [additionals] };
  });
}

const request = (edns?: number): DnsRequest =>
  parseDnsRequest(queryBytes('big.service.consul', 'SRV', edns === undefined ? {} : { edns })) as DnsRequest;

interface Sent {
  readonly bytes: number;
  readonly ports: number[];
  readonly additionals: string[];
  readonly tc: boolean;
  readonly opt: boolean;
}

function send(
  items: readonly AnswerItem[],
  edns: number | undefined,
  origin: QueryOrigin = UDP,
  how: Partial<TruncationOptions> & { seed?: number; limit?: number } = {},
): Sent {
  const query = request(edns);
  const reply: DnsResponse = {
    rcode: RCODE.NOERROR,
    authoritative: true,
    compiled: new CompiledAnswer(items),
  };
  const limit = how.limit ?? maxResponseBytes(query, origin);
  const bytes = truncateResponse(
    query,
    reply,
    limit,
    origin,
    { ...DNS_DEFAULTS.truncation, ...how },
    createRng(how.seed ?? 1),
  );
  expect(bytes.length).toBeLessThanOrEqual(limit);
  const packet = decode(bytes);
  const plain = (packet.additionals ?? []).filter((record) => record.type !== 'OPT');
  return {
    bytes: bytes.length,
    ports: (packet.answers ?? []).map((record) => (record.type === 'SRV' ? record.data.port : -1)),
    additionals: plain.map((record: Answer) => record.name),
    tc: packet.flag_tc,
    opt: optOf(packet) !== undefined,
  };
}

const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

describe('sizes', () => {
  test('D8 60 SRV and 60 A fit 4096 bytes', () => {
    const all = send(instances(60), 4096);
    expect(all.ports).toHaveLength(60);
    expect(all.additionals).toHaveLength(60);
    expect(all.bytes).toBeLessThan(3700);
    expect(all.tc).toBe(false);
  });

  test.each([
    ['Z1 no OPT: 512', undefined, UDP, 512],
    ['Z1 OPT below 512 counts as 512', 100, UDP, 512],
    ['Z1 OPT 1232', 1232, UDP, 1232],
    ['Z1 HAProxy with 8192 on loopback', 8192, UDP, 8192],
    ['Z1 systemd-resolved asks for 65508 on loopback', 65_508, UDP, 65_507],
    ['Z1 for other hosts 1232 at most', 8192, { ...UDP, loopback: false }, 1232],
    ['Z10 TCP, whatever the OPT says', 512, TCP, 65_535],
  ])('%s', (_, edns, origin, limit) => {
    expect(maxResponseBytes(request(edns), origin)).toBe(limit);
  });

  test('Z2 Z3 the datagram is filled with complete pairs of SRV and address', () => {
    for (const edns of [undefined, 512, 700, 1232, 2000]) {
      const part = send(instances(60), edns);
      expect(part.additionals).toHaveLength(part.ports.length);
      expect(part.additionals).toEqual(part.ports.map((port) => `node-${port - 8000}.node.dc1.consul`));
      const pair = 60; // bytes of one more, at most
      expect((edns ?? 512) - part.bytes).toBeLessThan(pair);
    }
  });

  test('Z4 truncation leaves out the same records each time, in a new order', () => {
    const runs = Array.from({ length: 20 }, (_, seed) => send(instances(60), 1232, UDP, { seed }));
    const kept = runs[0]?.ports.length ?? 0;
    expect(kept).toBeGreaterThan(15);
    for (const run of runs)
      expect(sorted(run.ports)).toEqual(Array.from({ length: kept }, (_, i) => 8000 + i));
    expect(new Set(runs.map((run) => run.ports.join(' '))).size).toBe(20);
  });

  test('H5 an answer that fits is shuffled too', () => {
    const runs = Array.from({ length: 20 }, (_, seed) => send(instances(5), 1232, UDP, { seed }));
    expect(new Set(runs.map((run) => run.ports.join(' '))).size).toBeGreaterThan(10);
  });

  test('Z5 TC is set if records were left out, but never for an OPT of 512 or less', () => {
    expect(send(instances(60), undefined).tc).toBe(true);
    expect(send(instances(60), 1232).tc).toBe(true);
    expect(send(instances(60), 513).tc).toBe(true);
    expect(send(instances(60), 512).tc).toBe(false);
    expect(send(instances(60), 100).tc).toBe(false);
    expect(send(instances(2), undefined).tc).toBe(false);
  });

  test('Z6 truncate always and never', () => {
    expect(send(instances(60), 512, UDP, { truncate: 'always' }).tc).toBe(true);
    expect(send(instances(2), 512, UDP, { truncate: 'always' }).tc).toBe(false);
    expect(send(instances(60), 1232, UDP, { truncate: 'never' }).tc).toBe(false);
  });

  test('Z7 the OPT counts towards the limit and is always sent', () => {
    for (let edns = 512; edns < 700; edns++) expect(send(instances(60), edns).opt).toBe(true);
  });

  test('Z9 at least one answer, if need be without its additional record', () => {
    const [one] = instances(1, () => 'n'.repeat(40));
    const whole = send([one as AnswerItem], undefined).bytes;
    const bare = send([one as AnswerItem], undefined, UDP, { limit: whole - 1 });
    expect(bare).toMatchObject({ ports: [8000], additionals: [], tc: true });
    const nothing = send([one as AnswerItem], undefined, UDP, { limit: bare.bytes - 1 });
    expect(nothing).toMatchObject({ ports: [], additionals: [], tc: true });
  });

  test('Z10 TCP: everything up to 65,535 bytes, beyond that the same records each time, without TC', () => {
    const few = send(instances(900), undefined, TCP);
    expect(few).toMatchObject({ tc: false });
    expect(few.ports).toHaveLength(900);
    const many = send(instances(3000), undefined, TCP);
    expect(many.tc).toBe(false);
    expect(many.bytes).toBeGreaterThan(65_000);
    expect(many.ports.length).toBeLessThan(3000);
    expect(sorted(many.ports)).toEqual(Array.from({ length: many.ports.length }, (_, i) => 8000 + i));
  });

  test('H6 an additional record that several answers share is sent once', () => {
    const [one] = instances(1);
    const { additionals, ports } = send([one as AnswerItem, one as AnswerItem], 1232);
    expect([ports.length, additionals.length]).toEqual([2, 1]);
  });

  test('over sockets: 512 bytes and TC, then everything over TCP', async () => {
    const tags = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`key-${i}`, 'some value']));
    const server = await startServer({}, [{ name: 'a', ip: '10.0.0.1', tags }]);
    const query = queryBytes('a.node.consul', 'TXT');
    const part = await sendUdp(server, query);
    expect(part.length).toBeLessThanOrEqual(512);
    expect(decode(part)).toMatchObject({ flag_tc: true });
    expect(decode(part).answers?.length).toBeGreaterThan(10);
    const all = decode(await sendTcp(server, query));
    expect(all.flag_tc).toBe(false);
    expect(all.answers).toHaveLength(30);
    const wide = await sendQuery(server, 'a.node.consul TXT', { edns: 65_508 });
    expect([wide.flag_tc, wide.answers?.length]).toEqual([false, 30]);
    await server.close();
  });

  test('a text longer than 255 bytes is several character-strings of one record', async () => {
    const server = await startServer({}, [{ name: 'a', ip: '10.0.0.1', tags: { k: 'v'.repeat(600) } }]);
    const { answers } = await sendQuery(server, 'a.node.consul TXT', { edns: 4096 });
    const [record] = answers ?? [];
    const strings = record?.type === 'TXT' ? [record.data].flat().map((one) => one.length) : [];
    expect(strings).toEqual([255, 255, 92]);
    await server.close();
  });
});

describe('EDNS', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.close());

  test('E1 a query with an OPT gets one, on both transports and on errors', async () => {
    for (const tcp of [false, true])
      for (const question of ['d1.node.consul A', 'nope.node.consul A', 'example.com A', 'consul AXFR']) {
        expect(optOf(await sendQuery(server, question, { edns: 1232, tcp }))).toMatchObject({
          udpPayloadSize: 4096,
          ednsVersion: 0,
        });
        expect(optOf(await sendQuery(server, question, { tcp }))).toBeUndefined();
      }
  });

  test('E2 version 1 is BADVERS with version 0 and no answer', async () => {
    const packet = await sendQuery(server, 'd1.node.consul A', { opt: { ednsVersion: 1 } });
    expect(rcodeOf(packet)).toBe('BADVERS');
    expect(packet.answers).toEqual([]);
    expect(optOf(packet)).toMatchObject({ ednsVersion: 0 });
  });

  test('E3 cookies, padding, unknown options and the DO bit are ignored', async () => {
    const data = Buffer.from('0123456789abcdef', 'hex');
    const options = [10, 12, 65_001].map((code) => ({ code, data })) as never;
    const query = queryBytes('d1.node.consul', 'A', { opt: { options, flags: 0x8000 } });
    const packet = decode(await sendUdp(server, query));
    expect(packet.answers).toMatchObject([{ data: '10.0.0.1' }]);
    expect(optOf(packet)).toMatchObject({ options: [], flags: 0 });
  });

  test.each([
    ['IPv4', 1, '192.0.2.0', 24],
    ['IPv6', 2, '2001:db8::', 56],
    ['nobody', 1, '0.0.0.0', 0],
  ])('E4 the client subnet of %s is echoed with scope 0', async (_, family, ip, prefix) => {
    const option = { code: 8, family, ip, sourcePrefixLength: prefix, scopePrefixLength: 0 } as const;
    const packet = await sendQuery(server, 'd1.node.consul A', { opt: { options: [option] } });
    expect(optOf(packet)?.options).toMatchObject([
      { code: 8, family, sourcePrefixLength: prefix, scopePrefixLength: 0, ip },
    ]);
  });

  test.each([
    ['too short', '0001'],
    ['longer than its prefix', '00011800c0000201'],
    ['a prefix of 255', `0001ff00${'00'.repeat(32)}`],
  ])('E4 a client subnet that is %s is FORMERR', async (_, hex) => {
    const options = [{ code: 8, data: Buffer.from(hex, 'hex') }] as never;
    expect(await answerTo(server, 'd1.node.consul A', { opt: { options } })).toBe('FORMERR');
  });

  test('two OPTs are FORMERR, and so is one whose owner is not the root', async () => {
    const query = queryBytes('d1.node.consul', 'A', { edns: 1232 });
    const two = Buffer.concat([query, query.subarray(-11)]);
    two.writeUInt16BE(2, 10);
    expect(rcodeOf(decode(await sendUdp(server, two)))).toBe('FORMERR');
    const named = Buffer.concat([query.subarray(0, -11), Buffer.from([1, 0x78]), query.subarray(-11)]);
    expect(rcodeOf(decode(await sendUdp(server, named)))).toBe('FORMERR');
  });
});
