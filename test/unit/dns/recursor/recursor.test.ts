/** S21: queries for foreign names are forwarded to recursors, and their responses cannot be forged. */
import { createSocket } from 'node:dgram';
import { decode, encode } from 'dns-packet';
import { afterEach, describe, expect, test } from 'vitest';
import { parseIp, toAddress } from '../../../../src/base/address.ts';
import { waitUntil } from '../../../support/wait.ts';
import {
  answerTo,
  exchangeTcp,
  frame,
  queryBytes,
  rcodeOf,
  sendQuery,
  sendUdp,
  startServer,
  type TestServer,
} from '../fixture.ts';

import {
  A,
  answering,
  closeAll,
  closing,
  NXDOMAIN,
  RA,
  respondTo,
  servfail,
  startRecursor,
  startServerWith,
} from './fake-recursor.ts';

afterEach(closeAll);

const NAME = 'www.some-shop.example.com';

describe('recursors', () => {
  test('D3 D9 without recursors foreign names are REFUSED and RA is clear', async () => {
    const own = await startServerWith([]);
    const packet = await sendQuery(own, `${NAME} A`);
    expect([rcodeOf(packet), packet.flag_ra]).toEqual(['REFUSED', false]);
  });

  test('D3 a response is passed on with the client id and letter case, with RA and without AA', async () => {
    const own = await startServerWith([await startRecursor(answering())]);
    const packet = await sendQuery(own, 'WWW.Some-Shop.example.COM A', { id: 99 });
    expect(packet).toMatchObject({ id: 99, flag_ra: true, flag_aa: false, flag_rd: true });
    expect(packet.questions?.[0]?.name).toBe('WWW.Some-Shop.example.COM');
    expect(packet.answers).toMatchObject([{ type: 'A', data: '192.0.2.1' }]);
    expect((await sendQuery(own, 'd1.node.consul A')).flag_ra).toBe(true);
  });

  test('S21 queries for our own domains are never forwarded, whatever the type', async () => {
    const one = await startRecursor(answering());
    const own = await startServerWith([one], { altDomain: 'hearsay' });
    for (const name of ['consul', 'nope.node.consul', 'hearsay', 'x.HEARSAY', 'service.consul', 'dc9.consul'])
      for (const type of ['A', 'DS', 'NS', 'DNSKEY', 'TXT', 'SOA'])
        expect(['NOERROR', 'NXDOMAIN']).toContain(rcodeOf(await sendQuery(own, `${name} ${type}`)));
    expect(one.received).toEqual([]);
  });

  test('reverse names that resolve here are answered, the others are forwarded', async () => {
    const one = await startRecursor((_, bytes) => respondTo(bytes, [], RA | NXDOMAIN));
    const own = await startServerWith([one]);
    expect(await answerTo(own, '1.0.0.10.in-addr.arpa PTR')).toBe('NOERROR | PTR d1.node.dc1.consul');
    expect(one.received).toHaveLength(0);
    expect(await answerTo(own, '9.9.9.9.in-addr.arpa PTR')).toBe('NXDOMAIN');
    expect(one.received).toHaveLength(1);
  });

  test('after SERVFAIL, a timeout or an ICMP error the next recursor is queried; NXDOMAIN is an answer', async () => {
    const silent = await startRecursor(() => undefined);
    const broken = await startRecursor(servfail);
    const gone = await startRecursor(servfail);
    gone.udp.close(); // the kernel reports an ICMP error
    const sure = await startRecursor((_, bytes) => respondTo(bytes, [], RA | NXDOMAIN));
    const never = await startRecursor(answering());
    const own = await startServerWith([broken, gone, silent, sure, never]);
    expect(await answerTo(own, `${NAME} A`)).toBe('NXDOMAIN');
    expect([broken, silent, sure, never].map(({ received }) => received.length)).toEqual([1, 1, 1, 0]);
  });

  test('if no recursor answers: SERVFAIL with RA, and the server still answers', async () => {
    const own = await startServerWith([await startRecursor(servfail)]);
    const packet = await sendQuery(own, `${NAME} A`, { edns: 1232 });
    expect([rcodeOf(packet), packet.flag_ra]).toEqual(['SERVFAIL', true]);
    expect(await answerTo(own, 'd1.node.consul A')).toBe('NOERROR | A 10.0.0.1');
  });

  test('with the random strategy each recursor is first at times', async () => {
    const servers = [await startRecursor(answering()), await startRecursor(answering())];
    const own = await startServerWith([], {
      recursors: { servers: servers.map(({ at }) => at), strategy: 'random', timeout: 1000 },
    });
    for (let i = 0; i < 40; i++) await sendQuery(own, `host-${i}.example.com A`);
    for (const { received } of servers) expect(received.length).toBeGreaterThan(3);
  });

  test('a query over TCP is forwarded over TCP, and does not delay later ones', async () => {
    const one = await startRecursor(answering());
    const own = await startServerWith([one]);
    const pieces = [
      frame(queryBytes(NAME, 'A', { id: 1 })),
      frame(queryBytes('d1.node.consul', 'A', { id: 2 })),
    ];
    const ids = (await exchangeTcp(own, [Buffer.concat(pieces)], 2)).map((bytes) => decode(bytes).id);
    expect(ids).toEqual([2, 1]);
    expect(one.received.map(({ tcp }) => tcp)).toEqual([true]);
  });

  test('a response too long for the datagram: TC, and all of it over TCP', async () => {
    const many = Array.from({ length: 60 }, (_, i) => A(NAME, `192.0.2.${i}`));
    const own = await startServerWith([await startRecursor((_, bytes) => respondTo(bytes, many))]);
    const short = await sendQuery(own, `${NAME} A`);
    expect([short.flag_tc, short.answers?.length, short.flag_ra]).toEqual([true, 0, true]);
    expect((await sendQuery(own, `${NAME} A`, { tcp: true })).answers).toHaveLength(60);
  });

  test('a query without RD is not forwarded', async () => {
    const one = await startRecursor(answering());
    const own = await startServerWith([one]);
    expect(rcodeOf(await sendQuery(own, `${NAME} A`, { flags: 0 }))).toBe('REFUSED');
    expect(one.received).toEqual([]);
  });
});

describe('S21: forged answers', () => {
  test('each query has another id, port and letter case', async () => {
    const one = await startRecursor(answering('192.0.2.1', 0));
    const own = await startServerWith([one]);
    for (let i = 0; i < 24; i++) await sendQuery(own, `${NAME} A`);
    const spellings = one.received.map(({ bytes }) => bytes.subarray(12).toString('latin1'));
    expect(new Set(one.received.map(({ bytes }) => bytes.readUInt16BE(0))).size).toBeGreaterThan(22);
    expect(new Set(one.received.map(({ port }) => port)).size).toBeGreaterThan(16);
    expect(new Set(spellings).size).toBeGreaterThan(22);
    expect(new Set(spellings.map((one) => one.toLowerCase())).size).toBe(1);
  });

  test('a response with another id or question is ignored; the true one after it is accepted', async () => {
    const one = await startRecursor((question, bytes) => {
      const evil = respondTo(bytes, [A(NAME, '6.6.6.6')]);
      evil.writeUInt16BE((evil.readUInt16BE(0) + 1) & 0xffff, 0);
      const other = encode({
        ...{ type: 'response', id: question.id ?? 0, flags: RA },
        questions: [{ type: 'A', name: 'other.example.com' }],
        answers: [A('other.example.com', '6.6.6.6')],
      });
      return [evil, other, Buffer.from('no DNS'), answering()(question, bytes) as Buffer];
    });
    expect(await answerTo(await startServerWith([one]), `${NAME} A`)).toBe('NOERROR | A 192.0.2.1');
    expect(one.received).toHaveLength(1);
  });

  test('a response from another address or port is not received, even if it matches', async () => {
    const attacker = createSocket('udp4');
    closing.push(() => attacker.close());
    const one = await startRecursor((question, bytes) => {
      const port = one.received.at(-1)?.port as number;
      attacker.send(answering('6.6.6.6')(question, bytes) as Buffer, port, '127.0.0.1');
      return undefined;
    });
    expect(await answerTo(await startServerWith([one]), `${NAME} A`)).toBe('SERVFAIL');
  });

  test.each([
    ['the right id but another letter case', (bytes: Buffer) => [bytes]],
    ['many guesses of the id', (bytes: Buffer) => Array.from({ length: 12 }, (_, i) => guess(bytes, i))],
  ])('%s: a mismatch is retried over TCP', async (_, forge) => {
    const one = await startRecursor((question, bytes) => {
      if (one.received.at(-1)?.tcp === true) return answering()(question, bytes);
      const evil = respondTo(bytes, [A(NAME, '6.6.6.6')]);
      for (let i = 13; i < 12 + NAME.length; i++)
        if (/[a-z]/i.test(String.fromCharCode(evil[i] as number))) evil[i] = (evil[i] as number) ^ 0x20;
      return forge(evil);
    });
    expect(await answerTo(await startServerWith([one]), `${NAME} A`)).toBe('NOERROR | A 192.0.2.1');
    expect(one.received.map(({ tcp }) => tcp)).toEqual([false, true]);
  });

  test.each(['answers', 'authorities', 'additionals'] as const)(
    'a response with records of our zone in its %s is discarded',
    async (section) => {
      const one = await startRecursor((question, bytes) => {
        const { id = 0, questions = [] } = decode(bytes);
        const sections = {
          answers: [A(question.questions?.[0]?.name as string)],
          authorities: [],
          additionals: [],
        };
        const evil = { ...sections, [section]: [...sections[section], A('web.Service.Consul', '6.6.6.6')] };
        return encode({ type: 'response', id, flags: RA, questions, ...evil });
      });
      expect(await answerTo(await startServerWith([one]), `${NAME} A`)).toBe('SERVFAIL');
    },
  );

  test('S21 additional records are left out but for OPT: nobody has vouched for them', async () => {
    const one = await startRecursor((question, bytes) => {
      const { id = 0, questions = [] } = decode(bytes);
      const name = question.questions?.[0]?.name as string;
      const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0x8000, options: [] };
      const additionals = [A('www.bank.example', '6.6.6.6'), opt as never, A(name, '6.6.6.7')];
      return encode({ type: 'response', id, flags: RA, questions, answers: [A(name)], additionals });
    });
    const own = await startServerWith([one]);
    for (const packet of [await sendQuery(own, `${NAME} A`), await sendQuery(own, `${NAME} A`)]) {
      expect(packet.answers).toMatchObject([{ type: 'A', data: '192.0.2.1' }]);
      expect(packet.additionals?.map(({ type }) => type)).toEqual(['OPT']);
    }
    expect(one.received).toHaveLength(1);
  });

  test('malformed responses of every length end in SERVFAIL, never in a crash', async () => {
    let cut = 12;
    const one = await startRecursor((question, bytes) => {
      const response = answering()(question, bytes) as Buffer;
      return response.subarray(0, cut);
    });
    const own = await startServerWith([one], {
      recursors: { servers: [one.at], strategy: 'sequential', timeout: 100 },
    });
    const length = (answering()(decode(queryBytes(NAME, 'A')), queryBytes(NAME, 'A')) as Buffer).length;
    for (; cut < length; cut += 7) expect(await answerTo(own, `${NAME} A`)).toBe('SERVFAIL');
    expect(await answerTo(own, 'd1.node.consul A')).toBe('NOERROR | A 10.0.0.1');
  });
});

const guess = (bytes: Buffer, i: number): Buffer => {
  const other = Buffer.from(bytes);
  other.writeUInt16BE((bytes.readUInt16BE(0) + 1 + i) & 0xffff, 0);
  return other;
};

describe('S21: loops and equal queries', () => {
  test('equal queries of many clients are forwarded once', async () => {
    const waiting: (() => void)[] = [];
    const one = await startRecursor((question, bytes) => {
      const port = one.received.at(-1)?.port as number;
      waiting.push(() => one.udp.send(answering()(question, bytes) as Buffer, port, '127.0.0.1'));
      return undefined;
    });
    const own = await startServerWith([one], {
      recursors: { servers: [one.at], strategy: 'sequential', timeout: 20_000 },
    });
    const answers = Array.from({ length: 30 }, (_, i) => sendQuery(own, `${NAME} A`, { id: i }));
    await waitUntil('the recursor is queried', 10_000, () => waiting.length > 0);
    await answerTo(own, 'd1.node.consul A'); // all earlier datagrams have been read by now
    for (const send of waiting) send();
    expect((await Promise.all(answers)).map(({ id }) => id)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(one.received).toHaveLength(1);
  });

  test('a recursor that queries us back gets REFUSED at once, and the client an error', async () => {
    const own: { server?: TestServer } = {};
    const rcodes: string[] = [];
    const one = await startRecursor((_, bytes) => {
      const { port } = one.received.at(-1) as { port: number };
      void sendUdp(own.server as TestServer, bytes).then((answer) => {
        rcodes.push(rcodeOf(decode(answer)));
        one.udp.send(answer, port, '127.0.0.1');
      });
      return undefined;
    });
    own.server = await startServerWith([one], {
      recursors: { servers: [one.at], strategy: 'sequential', timeout: 20_000 },
    });
    expect(await answerTo(own.server, `${NAME} A`)).toBe('SERVFAIL');
    expect(rcodes).toEqual(['REFUSED']);
    expect(one.received).toHaveLength(1);
  });

  test('a recursor that is this server is a configuration error', async () => {
    const listen = { host: '127.0.0.1', port: 18_653 };
    const at = toAddress(parseIp('127.0.0.1') as Uint8Array, listen.port);
    const recursors = { servers: [at], strategy: 'sequential', timeout: 1000 } as const;
    await expect(startServer({ listen, recursors })).rejects.toThrow("this agent's own DNS address");
  });

  test('closing ends queries in flight', async () => {
    const one = await startRecursor(() => undefined);
    const own = await startServer({
      recursors: { servers: [one.at], strategy: 'sequential', timeout: 60_000 },
    });
    const client = createSocket('udp4');
    closing.push(() => client.close());
    client.send(queryBytes(NAME, 'A'), own.port, own.host);
    await waitUntil('the recursor is queried', 10_000, () => one.received.length === 1);
    await own.close();
  });
});
