import { connect } from 'node:net';
import { decode } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DNS_DEFAULTS } from '../../../../src/dns/options.ts';
import {
  answerTo,
  exchangeTcp,
  frame,
  queryBytes,
  rcodeOf,
  sendQuery,
  sendTcp,
  sendUdp,
  startServer,
  type TestServer,
} from '../fixture.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

describe('D1 where it listens', () => {
  test('UDP and TCP on one port, on loopback by default', async () => {
    expect(server.address).toBe(`127.0.0.1:${server.port}`);
    expect(DNS_DEFAULTS.listen).toEqual({ host: '127.0.0.1', port: 8600 });
    expect(await answerTo(server, 'd1.node.consul A')).toBe(
      await answerTo(server, 'd1.node.consul A', { tcp: true }),
    );
  });

  test('on IPv6 too', async () => {
    const own = await startServer({ listen: { host: '::1', port: 0 } });
    expect(own.address).toBe(`[::1]:${own.port}`);
    expect(await answerTo(own, 'd1.node.consul A')).toBe('NOERROR | A 10.0.0.1');
    expect(await answerTo(own, 'd1.node.consul A', { tcp: true })).toBe('NOERROR | A 10.0.0.1');
    await own.close();
  });

  test('a port in use is a configuration error', async () => {
    await expect(startServer({ listen: { host: '127.0.0.1', port: server.port } })).rejects.toMatchObject({
      code: 'config',
      message: `DNS cannot listen on 127.0.0.1:${server.port}, which is in use: stop the other program or choose another with --dns ADDR:PORT.`,
    });
  });

  test('a name is not an address to listen on', async () => {
    await expect(startServer({ listen: { host: 'localhost', port: 0 } })).rejects.toMatchObject({
      code: 'config',
    });
  });

  test('after closing the port is free again', async () => {
    const first = await startServer();
    const lingering = connect({ host: first.host, port: first.port });
    await new Promise((connected) => lingering.once('connect', connected));
    const ended = new Promise((closed) => lingering.once('close', closed));
    await first.close();
    await ended;
    const second = await startServer({ listen: { host: first.host, port: first.port } });
    expect(second.port).toBe(first.port);
    await second.close();
  });
});

describe('D2 TCP', () => {
  test('several pipelined queries, each answered with its id', async () => {
    const queries = Array.from({ length: 500 }, (_, id) => frame(queryBytes('d1.node.consul', 'A', { id })));
    const answers = await exchangeTcp(server, [Buffer.concat(queries)], 500);
    expect(new Set(answers.map((answer) => decode(answer).id)).size).toBe(500);
  });

  test('a length prefix in pieces, and a message in pieces', async () => {
    const bytes = frame(queryBytes('d1.node.consul', 'A'));
    const pieces = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    const [answer] = await exchangeTcp(server, pieces, 1);
    expect(decode(answer as Buffer).answers).toMatchObject([{ data: '10.0.0.1' }]);
  });

  test('the end of one query and the start of the next in one piece', async () => {
    const both = Buffer.concat([
      frame(queryBytes('d1.node.consul', 'A')),
      frame(queryBytes('d2.node.consul', 'A')),
    ]);
    const answers = await exchangeTcp(server, [both.subarray(0, 50), both.subarray(50)], 2);
    expect(answers.map((answer) => decode(answer).answers?.length)).toEqual([1, 1]);
  });

  test('a client that half-closes after its query still gets the response', async () => {
    const bytes = await new Promise<number>((resolve, reject) => {
      let length = 0;
      const socket = connect({ host: server.host, port: server.port }, () =>
        socket.end(frame(queryBytes('d1.node.consul', 'A'))),
      );
      socket.on('data', (chunk) => {
        length += chunk.length;
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(length));
    });
    expect(bytes).toBeGreaterThan(40);
  });

  test('an idle connection is kept for ten seconds at least, but not for ever', async () => {
    expect(DNS_DEFAULTS.tcpIdleTimeout).toBeGreaterThanOrEqual(10_000);
    const own = await startServer({ tcpIdleTimeout: 100 });
    const socket = connect({ host: own.host, port: own.port });
    await new Promise((closed) => socket.once('close', closed));
    await own.close();
  });

  test('over the limit the connection that was idle longest is closed', async () => {
    const own = await startServer({ tcpMaxConnections: 2 });
    const first = connect({ host: own.host, port: own.port });
    first.on('error', () => undefined);
    const closed = new Promise((resolve) => first.once('close', resolve));
    await new Promise((connected) => first.once('connect', connected));
    const query = queryBytes('d1.node.consul', 'A');
    const later = [sendTcp(own, query), sendTcp(own, query), sendTcp(own, query)];
    expect(await Promise.allSettled(later)).toContainEqual(expect.objectContaining({ status: 'fulfilled' }));
    await closed;
    await own.close();
  });
});

describe('the header', () => {
  const flagsOf = async (flags: number): Promise<number> =>
    (await sendUdp(server, queryBytes('d1.node.consul', 'A', { flags }))).readUInt16BE(2);

  test('D3 QR and AA set, RD copied, RA, AD and CD clear', async () => {
    expect(await flagsOf(0x0100)).toBe(0x8500);
    expect(await flagsOf(0x0000)).toBe(0x8400);
  });

  test('D3 queries with AD and CD are answered like any other', async () => {
    expect(await flagsOf(0x0010)).toBe(0x8400);
    expect(await flagsOf(0x0120)).toBe(0x8500);
  });

  test('D3 id and question are repeated unchanged', async () => {
    const query = queryBytes('d1.node.consul', 'A', { id: 0xbeef });
    const answer = await sendUdp(server, query);
    expect(answer.readUInt16BE(0)).toBe(0xbeef);
    expect(answer.subarray(12, query.length)).toEqual(query.subarray(12));
  });

  test('D4 the owner repeats the letter case of the question', async () => {
    for (const name of ['D1.nOdE.CoNsUl', '0A000001.aDDr.Consul', '1.0.0.10.In-Addr.ARPA', 'CONSUL']) {
      const type = name === 'CONSUL' ? 'SOA' : name.endsWith('ARPA') ? 'PTR' : 'A';
      const { answers = [], questions = [] } = await sendQuery(server, `${name} ${type}`);
      expect(questions[0]?.name).toBe(name);
      expect(answers.map((record) => record.name)).toEqual([name]);
    }
  });

  test('D6 no question, or two: FORMERR', async () => {
    const query = queryBytes('d1.node.consul', 'A');
    const none = Buffer.from(query.subarray(0, 12));
    none.writeUInt16BE(0, 4);
    expect(rcodeOf(decode(await sendUdp(server, none)))).toBe('FORMERR');
    const two = Buffer.concat([query, query.subarray(12)]);
    two.writeUInt16BE(2, 4);
    expect(rcodeOf(decode(await sendUdp(server, two)))).toBe('FORMERR');
    expect(rcodeOf(decode(await sendTcp(server, two)))).toBe('FORMERR');
  });

  test('D6 garbage with an id is FORMERR under that id', async () => {
    const cut = queryBytes('d1.node.consul', 'A', { id: 77 }).subarray(0, 20);
    const answer = await sendUdp(server, cut);
    expect(answer).toHaveLength(12);
    expect([answer.readUInt16BE(0), answer.readUInt16BE(2)]).toEqual([77, 0x8101]);
  });

  test('D6 a compression pointer in the question is FORMERR', async () => {
    const query = Buffer.from(queryBytes('d1.node.consul', 'A'));
    query.writeUInt16BE(0xc00c, 12);
    expect(rcodeOf(decode(await sendUdp(server, query)))).toBe('FORMERR');
  });

  test.each([6, 8])('D6 records in the section counted at byte %i are FORMERR', async (at) => {
    const query = Buffer.from(queryBytes('d1.node.consul', 'A'));
    query.writeUInt16BE(1, at);
    expect(rcodeOf(decode(await sendUdp(server, query)))).toBe('FORMERR');
  });

  test('D6 a message shorter than a header, or a response, gets no response', async () => {
    const short = Buffer.alloc(11, 1);
    const response = queryBytes('d1.node.consul', 'A');
    response.writeUInt16BE(0x8400, 2);
    const good = queryBytes('d2.node.consul', 'A', { id: 9 });
    // Only the last query on this connection gets a response.
    const [answer] = await exchangeTcp(server, [frame(short), frame(response), frame(good)], 1);
    expect(decode(answer as Buffer).id).toBe(9);
  });

  test.each([
    ['IQUERY', 1],
    ['STATUS', 2],
    ['NOTIFY', 4],
    ['UPDATE', 5],
  ])('D7 opcode %s is NOTIMP and repeated', async (_, opcode) => {
    const answer = await sendUdp(server, queryBytes('consul', 'SOA', { flags: opcode << 11 }));
    expect(rcodeOf(decode(answer))).toBe('NOTIMP');
    expect((answer.readUInt16BE(2) >> 11) & 0xf).toBe(opcode);
  });

  test('D7 AXFR and IXFR are NOTIMP, over both transports', async () => {
    for (const tcp of [false, true])
      for (const type of ['AXFR', 'IXFR'])
        expect(await answerTo(server, `consul ${type}`, { tcp })).toBe('NOTIMP');
  });

  test('D7 class ANY is answered as IN', async () => {
    const { answers } = await sendQuery(server, 'd1.node.consul A', { class: 'ANY' });
    expect(answers).toMatchObject([{ class: 'IN', data: '10.0.0.1' }]);
  });

  test('D9 a name outside our domains is REFUSED, without records and not authoritative', async () => {
    const packet = await sendQuery(server, 'www.example.com A');
    expect(rcodeOf(packet)).toBe('REFUSED');
    expect([packet.answers, packet.authorities, packet.additionals]).toEqual([[], [], []]);
    expect((packet.flags ?? 0) & 0x0400).toBe(0);
  });
});
