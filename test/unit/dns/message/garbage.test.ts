/**
 * S3 for DNS: whatever comes in, an answer or silence goes out, and the server stays open. `DNS_PACKETS=100000` sends
 * as many mutated packets to each of the three tests that do.
 */
import { createSocket, type Socket } from 'node:dgram';
import { decode } from 'dns-packet';
import { expect, test } from 'vitest';
import { createRng, type Rng } from '../../../../src/base/rng.ts';
import { RCODE } from '../../../../src/dns/message/records.ts';
import { parseDnsRequest } from '../../../../src/dns/message/request.ts';
import { createResponder } from '../../../../src/dns/responder.ts';
import type { QueryOrigin } from '../../../../src/dns/truncate.ts';
import { SERVICES, type ServiceRow } from '../catalog.ts';
import {
  answerTo,
  exchangeTcp,
  frame,
  queryBytes,
  rcodeOf,
  sendQuery,
  startServer,
  TABLE,
  type TestServer,
  viewOf,
} from '../fixture.ts';

const PACKETS = Number(process.env['DNS_PACKETS'] ?? 4000);
const BATCH = 25;

const ecs = { code: 8, family: 1, ip: '192.0.2.0', sourcePrefixLength: 24, scopePrefixLength: 0 } as const;
const SEEDS: readonly Buffer[] = [
  queryBytes('d1.node.consul', 'A'),
  queryBytes('_web._tcp.service.dc1.consul', 'SRV', { edns: 1232 }),
  queryBytes('tag.dot.mixed.service.consul', 'A'),
  queryBytes('alias.service.default.ns.dc1.dc.consul', 'ANY'),
  queryBytes('consul', 'NS', { edns: 4096 }),
  queryBytes('d1.node.consul', 'ANY', { opt: { options: [ecs] } }),
  queryBytes('d1.node.consul', 'TXT', {
    opt: { options: [{ code: 10, data: Buffer.alloc(8, 7) } as never, { code: 14, tags: [1, 2] }] },
  }),
  queryBytes('1.0.0.10.in-addr.arpa', 'PTR'),
  queryBytes('x', 'A', { flags: 0x2800 }),
];

/** A query with a few bytes changed, removed, doubled or inserted. */
function mutated(rng: Rng): Buffer {
  let bytes = Buffer.from(SEEDS[rng.int(SEEDS.length)] as Buffer);
  for (let changes = 1 + rng.int(4); changes > 0; changes--) {
    const at = rng.int(Math.max(1, bytes.length));
    switch (rng.int(5)) {
      case 0:
        bytes[at] = rng.int(256);
        break;
      case 1:
        bytes[at] = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff][rng.int(8)] as number;
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes, bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([rng.int(256)]), bytes.subarray(at)]);
        break;
    }
  }
  return bytes;
}

test(`S3 ${PACKETS} mutated packets over UDP: responses or none, and valid queries in between are answered`, async () => {
  const server = await startServer({}, TABLE, SERVICES);
  const socket = createSocket('udp4');
  const rng = createRng(20_000);
  let answers = 0;
  let expected = 0;
  socket.on('message', (message) => {
    const packet = decode(message);
    expect(packet.flag_qr).toBe(true);
    answers++;
  });
  // Small batches with a valid query after each: no socket buffer overflows, so every response is counted.
  for (let i = 0; i < PACKETS; i += BATCH) {
    const batch = Array.from({ length: BATCH }, () => mutated(rng));
    expected += batch.filter((bytes) => parseDnsRequest(bytes) !== undefined).length;
    await Promise.all(batch.map((bytes) => sent(socket, bytes, server)));
    expect(await answerTo(server, 'd1.node.consul A')).toBe('NOERROR | A 10.0.0.1');
  }
  await expect.poll(() => answers, { timeout: 30_000 }).toBe(expected);
  expect(expected).toBeGreaterThan(PACKETS / 2);
  expect(expected).toBeLessThan(PACKETS);
  socket.close();
  await server.close();
});

const HOME: QueryOrigin = { transport: 'udp', loopback: true, spoofable: false, trusted: true };
const ORIGINS: readonly QueryOrigin[] = [
  HOME,
  { transport: 'udp', loopback: false, spoofable: true, trusted: false },
  { ...HOME, transport: 'tcp' },
];
const CODES = new Set<number>(Object.values(RCODE));

test(`S3 ${PACKETS} mutated packets without sockets: each response fits its client, repeats id and question, and can be decoded`, () => {
  const options = {
    domain: 'consul',
    datacenter: 'dc1',
    nodeTtlSeconds: 0,
    serial: () => 1,
    rng: createRng(1),
  };
  const view = viewOf(TABLE, SERVICES);
  const responder = createResponder({
    ...options,
    listen: { host: '127.0.0.1', port: 0 },
    view,
  });
  const rng = createRng(100_000);
  const honest = queryBytes('d1.node.consul', 'A');
  const expected = responder.respond(honest, HOME, 'answer');
  const codes = new Map<number, number>();
  for (let i = 0; i < PACKETS; i++) {
    const bytes = mutated(rng);
    const origin = ORIGINS[i % ORIGINS.length] as QueryOrigin;
    const answer = responder.respond(bytes, origin, 'answer') as Buffer | undefined;
    const request = parseDnsRequest(bytes);
    expect(answer === undefined).toBe(request === undefined);
    if (answer === undefined || request === undefined) continue;
    const { rcode } = decode(answer) as unknown as { rcode: string };
    const code = RCODE[rcode as keyof typeof RCODE] ?? -1;
    codes.set(code, (codes.get(code) ?? 0) + 1);
    expect(CODES).toContain(answer[3] as number & 0xf);
    expect(answer.subarray(0, 2)).toEqual(bytes.subarray(0, 2));
    expect((answer.readUInt16BE(2) & 0xf800) ^ (bytes.readUInt16BE(2) & 0x7800)).toBe(0x8000);
    if (request.question !== undefined) {
      const { raw } = request.question;
      expect(answer.subarray(12, 12 + raw.length)).toEqual(Buffer.from(raw));
    }
    if (origin.transport === 'udp')
      expect(answer.length).toBeLessThanOrEqual(Math.max(512, request.edns?.udpPayloadSize ?? 0));
    if (origin.spoofable) expect(answer.length).toBeLessThanOrEqual(4 * bytes.length);
  }
  expect(responder.respond(honest, HOME, 'answer')).toEqual(expected);
  // Every RCODE occurs but SERVFAIL.
  for (const code of [RCODE.NOERROR, RCODE.FORMERR, RCODE.NXDOMAIN, RCODE.NOTIMP, RCODE.REFUSED])
    expect(codes.get(code) ?? 0).toBeGreaterThan(0);
  expect(codes.get(RCODE.SERVFAIL) ?? 0).toBe(0);
});

test('S3 mutated packets over one TCP connection, then a valid query', async () => {
  const server = await startServer({}, TABLE, SERVICES);
  const rng = createRng(5);
  const packets = Array.from({ length: PACKETS }, () => mutated(rng));
  const expected = packets.filter((bytes) => parseDnsRequest(bytes) !== undefined).length;
  const last = queryBytes('d2.node.consul', 'A', { id: 1 });
  const answers = await exchangeTcp(server, [Buffer.concat([...packets, last].map(frame))], expected + 1);
  expect(decode(answers.at(-1) as Buffer)).toMatchObject({ id: 1, answers: [{ data: '10.0.0.2' }] });
  await server.close();
});

const ODD: readonly string[] = [
  '',
  '.',
  '..',
  'a..b',
  '-',
  '_',
  '*',
  'web.service.consul',
  'v1.web.service.consul.',
  'x.service.dc1.consul',
  'd1.node.consul',
  'nope.node.consul',
  'consul',
  'ns.consul',
  '0a000001.addr.consul',
  '1.0.0.10.in-addr.arpa',
  '10.0.0.1',
  '0.0.0.0',
  '::',
  '::ffff:10.0.0.1',
  'fe80::1%eth0',
  '[::1]',
  '10.0.0.1:80',
  'unix:///run/web.sock',
  'b\u00fccher.example',
  'a\0b',
  'two words',
  'x'.repeat(64),
  'x.'.repeat(126),
  'x.'.repeat(200),
  `${'y'.repeat(63)}.`.repeat(4),
];

test('S3 whatever other agents publish, every query about it is answered', async () => {
  const rng = createRng(11);
  const odd = (): string => ODD[rng.int(ODD.length)] as string;
  const server = await startServer({}, TABLE, []);
  for (let round = 0; round < 40; round++) {
    const rows = Array.from({ length: 1 + rng.int(6) }, (_, i): ServiceRow => {
      const node = ['d1', 'd5', 'two words', 'mapped', 'ghost'][rng.int(5)] as string;
      const port = [-1, 0, 80, 65_535][rng.int(4)] as number;
      const weight = [0, 1, -5, 1e12, 2.5][rng.int(5)] as number;
      const name = ['web', 'x', 'v1'][rng.int(3)] as string;
      return { node, name, id: `${i}`, port, address: odd(), tags: [odd(), 'v1'], weights: [weight, weight] };
    });
    server.view.setServices(rows);
    for (const name of ['web', 'x', 'v1', 'v1.web'])
      for (const type of ['A', 'AAAA', 'SRV', 'ANY', 'CNAME'])
        expect(rcodeOf(await sendQuery(server, `${name}.service.consul ${type}`))).toMatch(
          /^(NOERROR|NXDOMAIN)$/,
        );
    expect(rcodeOf(await sendQuery(server, '1.0.0.127.in-addr.arpa PTR'))).toBe('NXDOMAIN');
  }
  await server.close();
});

test('a header that announces 65,535 records in every section is refused by its counts', () => {
  const bytes = Buffer.alloc(12);
  for (const at of [4, 6, 8, 10]) bytes.writeUInt16BE(0xffff, at);
  expect(parseDnsRequest(bytes)).toMatchObject({ errorRcode: 1, question: undefined });
});

test('a label of 63 and a name of 255 bytes are parsed; longer ones are not', () => {
  const label = 'a'.repeat(63);
  const longest = [label, label, label, 'a'.repeat(61)].join('.'); // 255 bytes with the root
  expect(parseDnsRequest(queryBytes(longest, 'A'))).toMatchObject({ errorRcode: undefined });
  expect(parseDnsRequest(queryBytes(`${longest}a`, 'A'))).toMatchObject({ errorRcode: 1 });
});

const sent = (socket: Socket, bytes: Uint8Array, server: TestServer): Promise<void> =>
  new Promise((resolve, reject) =>
    socket.send(bytes, server.port, server.host, (error) => (error === null ? resolve() : reject(error))),
  );
