/** S20: what a server that listens beyond loopback grants outsiders over UDP. */
import { decode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { createRng } from '../../../../src/base/rng.ts';
import { answerQuery, errorResponse } from '../../../../src/dns/answer.ts';
import { RCODE } from '../../../../src/dns/message/records.ts';
import { type DnsRequest, parseDnsRequest } from '../../../../src/dns/message/request.ts';
import { createZone, DNS_DEFAULTS } from '../../../../src/dns/options.ts';
import { chooseResponseMode, toQueryOrigin } from '../../../../src/dns/server/access.ts';
import { ResponseRateLimiter } from '../../../../src/dns/server/rate-limit.ts';
import {
  encodeTruncated,
  maxResponseBytes,
  type QueryOrigin,
  truncateResponse,
} from '../../../../src/dns/truncate.ts';
import { bigService } from '../catalog.ts';
import { answerTo, formatRecord, queryBytes, startServer, TABLE, viewOf } from '../fixture.ts';

const OUTSIDER: QueryOrigin = { transport: 'udp', loopback: false, spoofable: true, trusted: false };
const big = bigService(60);
const view = viewOf(
  [...TABLE, { name: 'fat', ip: '10.2.0.1', tags: { a: 'x'.repeat(200), b: 'y'.repeat(200) } }, ...big.nodes],
  big.services,
);
const zone = createZone({
  view,
  domain: 'consul',
  datacenter: 'dc1',
  nodeTtlSeconds: 0,
  serial: () => 1,
  rng: createRng(1),
});

function respond(name: string, type: string, edns?: number) {
  const query = queryBytes(name, type, edns === undefined ? {} : { edns });
  const request = parseDnsRequest(query) as DnsRequest;
  const reply = answerQuery(request, zone, { spoofable: true });
  const bytes = truncateResponse(
    request,
    reply,
    maxResponseBytes(request, OUTSIDER),
    OUTSIDER,
    DNS_DEFAULTS.truncation,
    createRng(1),
  );
  return { packet: decode(bytes), factor: bytes.length / query.length };
}

describe('S20', () => {
  test('ANY is answered with HINFO, and a name that does not exist is still NXDOMAIN', () => {
    expect(respond('fat.node.consul', 'ANY').packet.answers?.map(formatRecord)).toEqual([
      'HINFO {"cpu":"RFC8482","os":""}',
    ]);
    expect(respond('nope.node.consul', 'ANY').packet).toMatchObject({ rcode: 'NXDOMAIN' });
  });

  test.each([
    ['d1.node.consul', 'A'],
    ['fat.node.consul', 'TXT'],
    ['consul', 'NS'],
    ['consul', 'ANY'],
    ['big.service.consul', 'A'],
    ['_big._tcp.service.consul', 'SRV'],
    ['big.service.consul', 'ANY'],
    ['nope.node.consul', 'A'],
    ['9.9.9.9.in-addr.arpa', 'PTR'],
    ['example.com', 'A'],
  ])('the response to %s %s is at most four times the size of the query', (name, type) => {
    for (const edns of [undefined, 4096]) expect(respond(name, type, edns).factor).toBeLessThanOrEqual(4);
  });

  test('a response that does not fit has TC', () => {
    expect(respond('fat.node.consul', 'TXT', 4096).packet).toMatchObject({ flag_tc: true });
    expect(respond('d1.node.consul', 'A').packet).toMatchObject({ flag_tc: false });
  });

  test('20 responses per second and /24; then every second query slips and the others are dropped', () => {
    const rate = new ResponseRateLimiter(20);
    const actions = Array.from({ length: 26 }, (_, i) => rate.decide(`192.0.2.${i}`, i));
    expect(actions.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 'answer'));
    expect(actions.slice(20)).toEqual(['slip', 'drop', 'slip', 'drop', 'slip', 'drop']);
    expect(rate.decide('192.0.3.1', 30)).toBe('answer');
    expect(rate.decide('::ffff:192.0.2.1', 30)).toBe('slip');
    expect(rate.decide('192.0.2.1', 1001)).toBe('answer');
  });

  test('outsiders and refused clients are counted, local and allowed ones are not', () => {
    const actions = ['answer', 'slip', 'drop'] as const;
    const modes = (client: 'outsider' | 'refused') =>
      actions.map((action) => chooseResponseMode(client, () => action));
    expect(modes('outsider')).toEqual(['answer', 'truncate', 'drop']);
    expect(modes('refused')).toEqual(['refuse', 'drop', 'drop']);
    const uncounted = (): never => {
      throw new Error('counted');
    };
    for (const client of ['local', 'allowed'] as const)
      expect(chooseResponseMode(client, uncounted)).toBe('answer');
  });

  test('only local clients get more than 1232 bytes, and only local and allowed ones recursors', () => {
    const origins = (['local', 'allowed', 'outsider', 'refused'] as const).map(toQueryOrigin);
    expect(origins.map(({ loopback }) => loopback)).toEqual([true, false, false, false]);
    expect(origins.map(({ spoofable }) => spoofable)).toEqual([false, false, true, true]);
    expect(origins.map(({ trusted }) => trusted)).toEqual([true, true, false, false]);
  });

  test('IPv6 is counted per /56, without zones', () => {
    const rate = new ResponseRateLimiter(1);
    expect(rate.decide('2001:db8:0:1::1', 0)).toBe('answer');
    expect(rate.decide('2001:db8:0:ff::2%eth0', 0)).toBe('slip');
    expect(rate.decide('2001:db8:0:100::1', 0)).toBe('answer');
  });

  test('a flood from many networks does not fill memory: beyond 10,000 networks all share one count', () => {
    const rate = new ResponseRateLimiter(20);
    const actions = { answer: 0, slip: 0, drop: 0 };
    for (let i = 0; i < 20_000; i++) actions[rate.decide(`10.${i >> 8}.${i & 255}.1`, 0)]++;
    expect(actions.answer).toBe(10_020);
  });

  test('an empty response with TC is not longer than the query', () => {
    for (const edns of [undefined, 1232]) {
      const query = queryBytes('d1.node.consul', 'A', edns === undefined ? {} : { edns });
      const bytes = encodeTruncated(parseDnsRequest(query) as DnsRequest, errorResponse(RCODE.NOERROR));
      expect(bytes.length).toBe(query.length);
      expect(decode(bytes)).toMatchObject({ flag_tc: true, answers: [], authorities: [] });
    }
  });

  test('a server that listens on all addresses does not limit local clients', async () => {
    const own = await startServer({ listen: { host: '0.0.0.0', port: 0 }, responsesPerSecond: 1 });
    const local = { ...own, host: '127.0.0.1' };
    for (let i = 0; i < 50; i++)
      expect(await answerTo(local, 'd5.node.consul ANY', { edns: 4096 })).toBe('NOERROR | AAAA fd00::5');
    await own.close();
  });
});
