/** Names of nodes and their answers, over real sockets. */

import { decode } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  answerTo,
  formatRecord,
  NODATA,
  NXDOMAIN,
  queryBytes,
  sendQuery,
  sendUdp,
  startServer,
  TABLE,
  type TestServer,
} from './fixture.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ altDomain: 'corp.example', nodeTtlSeconds: 7 });
});
afterAll(() => server.close());

describe('queries about nodes, over UDP and TCP', () => {
  describe.each([false, true])('tcp %s', (tcp) => {
    test.each([
      ['d1.node.consul A', 'NOERROR | A 10.0.0.1'],
      ['d1.node.dc1.consul A', 'NOERROR | A 10.0.0.1'],
      ['D1.NODE.Consul A', 'NOERROR | A 10.0.0.1'],
      ['d1.node.consul AAAA', NODATA],
      ['d5.node.consul AAAA', 'NOERROR | AAAA fd00::5'],
      ['d5.node.consul A', NODATA],
      ['d1.node.consul SRV', NODATA],
      ['d1.node.consul MX', NODATA],
      ['d1.node.consul CNAME', NODATA],
      ['d1.node.consul SOA', NODATA],
      ['d1.node.consul NS', NODATA],
      ['d2.node.consul TXT', NODATA],
      ['nope.node.consul A', NXDOMAIN],
      ['d1.node.dc2.consul A', NXDOMAIN],
      ['consul A', NODATA],
      ['service.consul A', NODATA],
      ['dc1.consul A', NODATA],
      ['node.consul A', NODATA],
      ['_tcp.service.consul A', NODATA],
      ['nope.service.consul SRV', NXDOMAIN],
      ['_web._udp.service.consul SRV', NXDOMAIN],
      ['web.service.nodc.consul A', NXDOMAIN],
      ['best.query.consul A', NXDOMAIN],
      ['0a000001.addr.consul A', 'NOERROR | A 10.0.0.1'],
      ['0A000001.addr.dc1.consul A', 'NOERROR | A 10.0.0.1'],
      ['0a000001.addr.consul AAAA', NODATA],
      ['0a000001.addr.consul SRV', NODATA],
      ['fd000000000000000000000000000006.addr.consul AAAA', 'NOERROR | AAAA fd00::6'],
      ['0a00.addr.consul A', NXDOMAIN],
      ['zz000001.addr.consul A', NXDOMAIN],
      ['consul SOA', 'NOERROR | SOA ns.consul hostmaster.consul 1700000000'],
      ['ns.consul A', 'NOERROR | A 10.0.0.1'],
      ['ns.consul AAAA', NODATA],
      ['1.0.0.10.in-addr.arpa PTR', 'NOERROR | PTR d1.node.dc1.consul'],
      ['1.0.0.10.in-addr.arpa A', NODATA],
      ['2.9.9.10.in-addr.arpa PTR', NXDOMAIN],
      ['example.com A', 'REFUSED'],
      ['. NS', 'REFUSED'],
    ])('%s: %s', async (question, expected) => {
      expect(await answerTo(server, question, { tcp })).toBe(expected);
    });
  });

  test('version.bind CH TXT: REFUSED', async () => {
    expect(await answerTo(server, 'version.bind TXT', { class: 'CH' })).toBe('REFUSED');
  });

  test('version.bind CH TXT: REFUSED inside our domain too', async () => {
    expect(await answerTo(server, 'd1.node.consul A', { class: 'CH' })).toBe('REFUSED');
  });

  test('consul NS: three live agents with their addresses', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const { answers = [], additionals = [] } = await sendQuery(server, 'consul NS');
      expect(answers).toHaveLength(3);
      expect(additionals.map((record) => record.name)).toEqual(
        answers.map((record) => (record.type === 'NS' ? record.data : 'no NS')),
      );
      seen.add(answers.map(formatRecord).join(' '));
    }
    // d1, d2 and d5 are alive: six orders.
    expect(seen.size).toBe(6);
    expect([...seen].join(' ')).not.toMatch(/d3|d4|gone|one|mapped|words/);
  });
});

describe('nodes', () => {
  test.each([
    ['suspect', 'd3.node.consul A', 'NOERROR | A 10.0.0.3'],
    ['failed', 'd4.node.consul A', 'NOERROR | A 10.0.0.4'],
    ['leaving, with an IPv4 address in 16 octets', 'mapped.node.consul A', 'NOERROR | A 10.0.0.9'],
    ['the same for the other family', 'mapped.node.consul AAAA', NODATA],
    ['left', 'gone.node.consul A', NXDOMAIN],
    ['left, by address', '7.0.0.10.in-addr.arpa PTR', NXDOMAIN],
    ['with a dot in its name', 'rack.one.node.consul A', 'NOERROR | A 10.0.0.8'],
    ['whose dot makes an empty non-terminal', 'one.node.dc1.consul A', NODATA],
    ['its other half', 'rack.node.consul A', NXDOMAIN],
    ['by IPv6 address', `5.${'0.'.repeat(29)}d.f.ip6.arpa PTR`, 'NOERROR | PTR d5.node.dc1.consul'],
    ['whose address is mapped', '9.0.0.10.in-addr.arpa PTR', 'NOERROR | PTR mapped.node.dc1.consul'],
    ['whose name is no host name', '10.0.0.10.in-addr.arpa PTR', 'NOERROR | PTR 0a00000a.addr.dc1.consul'],
    ['of the other domain', 'd1.node.corp.example A', 'NOERROR | A 10.0.0.1'],
  ])('a node %s', async (_, question, expected) => {
    expect(await answerTo(server, question)).toBe(expected);
  });

  test('a name with a blank can be queried', async () => {
    const bytes = queryBytes('two words.node.consul', 'A');
    expect(decode(await sendUdp(server, bytes)).answers).toMatchObject([
      { name: 'two words.node.consul', data: '10.0.0.10' },
    ]);
  });

  test('TXT: tags, escaped as in RFC 1464', async () => {
    expect(await answerTo(server, 'd1.node.consul TXT')).toBe(
      'NOERROR | TXT a`=b=x``y | TXT role=db | TXT v=plain',
    );
  });

  test('ANY: address and tags', async () => {
    expect(await answerTo(server, 'd1.node.consul ANY')).toBe(
      'NOERROR | A 10.0.0.1 | TXT a`=b=x``y | TXT role=db | TXT v=plain',
    );
    expect(await answerTo(server, 'd5.node.consul ANY')).toBe('NOERROR | AAAA fd00::5');
  });

  test('the TTL applies to all records of the answer, and is 0 for the SOA', async () => {
    for (const question of [
      'd1.node.consul A',
      'd1.node.consul TXT',
      '0a000001.addr.consul A',
      'consul NS',
    ]) {
      const { answers = [], additionals = [] } = await sendQuery(server, question);
      for (const record of [...answers, ...additionals]) expect(record).toMatchObject({ ttl: 7 });
    }
    const { answers = [] } = await sendQuery(server, '1.0.0.10.in-addr.arpa PTR');
    expect(answers).toMatchObject([{ ttl: 7 }]);
    const negative = await sendQuery(server, 'nope.node.consul A');
    expect(negative.authorities).toMatchObject([{ ttl: 0, data: { minimum: 0 } }]);
  });

  test('D5 answers are in the domain of the question', async () => {
    const negative = await sendQuery(server, 'nope.node.corp.example A');
    expect(negative.authorities).toMatchObject([
      { name: 'node.corp.example', data: { mname: 'ns.corp.example', rname: 'hostmaster.corp.example' } },
    ]);
    const { answers = [] } = await sendQuery(server, 'corp.example NS');
    for (const record of answers) expect(formatRecord(record)).toMatch(/\.node\.dc1\.corp\.example$/);
  });
});

test('a change of membership shows in the very next answer', async () => {
  const own = await startServer({}, [
    { name: 'a', ip: '10.1.0.1' },
    { name: 'b', ip: '10.1.0.2' },
  ]);
  expect(await answerTo(own, '2.0.1.10.in-addr.arpa PTR')).toBe('NOERROR | PTR b.node.dc1.consul');
  own.view.setMembers([
    { name: 'a', ip: '10.1.0.1' },
    { name: 'b', ip: '10.1.0.2', status: 'failed' },
    { name: 'c', ip: '10.1.0.2' },
  ]);
  expect(await answerTo(own, 'c.node.consul A')).toBe('NOERROR | A 10.1.0.2');
  expect(await answerTo(own, '2.0.1.10.in-addr.arpa PTR')).toBe('NOERROR | PTR c.node.dc1.consul');
  own.view.setMembers([{ name: 'a', ip: '10.1.0.1' }]);
  expect(await answerTo(own, '2.0.1.10.in-addr.arpa PTR')).toBe(NXDOMAIN);
  await own.close();
});

test('a PTR of an agent with the default domains is in consul, which clients forward', async () => {
  const own = await startServer({ domain: 'hearsay', altDomain: 'consul' });
  expect(await answerTo(own, '1.0.0.10.in-addr.arpa PTR')).toBe('NOERROR | PTR d1.node.dc1.consul');
  await own.close();
});

describe('negative answers', () => {
  test('N1 N2 the SOA has the configured timers', async () => {
    const { authorities } = await sendQuery(server, 'nope.node.consul A');
    expect(authorities).toMatchObject([
      {
        name: 'node.consul',
        type: 'SOA',
        data: { serial: 1_700_000_000, refresh: 3600, retry: 600, expire: 86_400, minimum: 0 },
      },
    ]);
  });

  test.each([
    ['nope.service.consul A', 'service.consul'],
    ['web.service.consul MX', 'service.consul'],
    ['NOPE.Service.Consul A', 'Service.Consul'],
    ['nope.service.dc1.consul A', 'service.dc1.consul'],
    ['_nope._tcp.service.consul SRV', '_tcp.service.consul'],
    ['service.consul A', 'service.consul'],
    ['nope.node.consul A', 'node.consul'],
    ['zz.addr.consul A', 'addr.consul'],
    ['nope.consul A', 'consul'],
    ['web.service.nodc.consul A', 'consul'],
    ['consul MX', 'consul'],
    ['9.9.9.10.in-addr.arpa PTR', '9.9.10.in-addr.arpa'],
    ['9.10.in-addr.arpa PTR', '9.10.in-addr.arpa'],
    [`${'0.'.repeat(31)}f.ip6.arpa PTR`, `${'0.'.repeat(30)}f.ip6.arpa`],
  ])(
    'N1 the SOA of %s is owned by %s, so that any part of the domain can be forwarded',
    async (question, owner) => {
      const { authorities } = await sendQuery(server, question);
      expect(authorities).toMatchObject([
        { type: 'SOA', name: owner, data: { mname: expect.stringMatching(/^ns\.consul$/i) } },
      ]);
    },
  );

  test('N2 the minimum is also the TTL of the SOA', async () => {
    const own = await startServer({ soa: { minimumSeconds: 5 } });
    expect((await sendQuery(own, 'nope.node.consul A')).authorities).toMatchObject([
      { ttl: 5, data: { minimum: 5 } },
    ]);
    await own.close();
  });

  test('N4 an existing name is never NXDOMAIN, whatever the type', async () => {
    for (const type of ['A', 'AAAA', 'TXT', 'SRV', 'MX', 'CNAME', 'NS', 'SOA', 'PTR', 'CAA', 'DS', 'ANY'])
      for (const name of ['d1.node.consul', 'consul', 'ns.consul', 'service.consul', '1.0.0.10.in-addr.arpa'])
        expect(await answerTo(server, `${name} ${type}`)).toMatch(/^NOERROR \| /);
  });

  test('N5 until the agent is ready a service or an unknown name is SERVFAIL; nodes are answered, foreign names REFUSED', async () => {
    const own = await startServer({}, TABLE, [{ node: 'd1', name: 'web' }]);
    own.view.setReadiness({ ready: false, reason: 'it has just started', remembers: false });
    for (const question of ['nope.node.consul A', 'nope.service.consul SRV', '9.9.9.9.in-addr.arpa PTR'])
      expect(await answerTo(own, question)).toBe('SERVFAIL');
    for (const question of ['web.service.consul A', 'web.service.consul TXT', 'consul.service.consul A'])
      expect(await answerTo(own, question)).toBe('SERVFAIL');
    expect(await answerTo(own, 'd1.node.consul A')).toBe('NOERROR | A 10.0.0.1');
    expect(await answerTo(own, 'service.consul A')).toBe('NOERROR | authority SOA');
    expect(await answerTo(own, '. NS')).toBe('REFUSED');
    own.view.setReadiness({ ready: true });
    expect(await answerTo(own, 'nope.node.consul A')).toBe('NXDOMAIN | authority SOA');
    expect(await answerTo(own, 'web.service.consul A')).toBe('NOERROR | A 10.0.0.1');
    await own.close();
  });

  test('N5 what is restored is answered before the agent is ready, with a TTL of 0; what is not is SERVFAIL', async () => {
    const ttls = { serviceTtlSeconds: new Map([['*', 30]]), nodeTtlSeconds: 60 };
    const rows = [
      { node: 'd1', name: 'web', unconfirmed: true },
      { node: 'd2', name: 'web' },
      { node: 'd1', name: 'foreign', address: 'db.example.com', unconfirmed: true },
    ];
    const own = await startServer(ttls, TABLE, rows);
    const ttlsOf = async (question: string) =>
      (await sendQuery(own, question)).answers?.map((answer) => ('ttl' in answer ? answer.ttl : undefined));
    own.view.setReadiness({ ready: false, reason: 'it has just started', remembers: true });
    expect(await ttlsOf('web.service.consul A')).toEqual([0, 0]);
    expect(await ttlsOf('web.service.consul SRV')).toEqual([0, 0]);
    expect(await ttlsOf('foreign.service.consul A')).toEqual([0]);
    expect(await answerTo(own, 'nope.service.consul A')).toBe('SERVFAIL');
    own.view.setReadiness({ ready: true });
    expect(await ttlsOf('web.service.consul A'), 'still not confirmed').toEqual([0, 0]);
    own.view.setServices(rows.map((row) => ({ ...row, unconfirmed: false })));
    expect(await ttlsOf('web.service.consul A')).toEqual([30, 30]);
    await own.close();
  });

  test('N5 a failure of our own is SERVFAIL, and the server keeps answering', async () => {
    let broken = true;
    const serial = (): number => {
      if (broken) throw new Error('on purpose');
      return 1;
    };
    const own = await startServer({ serial });
    expect(await answerTo(own, 'consul SOA')).toBe('SERVFAIL');
    expect(await answerTo(own, 'consul SOA', { tcp: true })).toBe('SERVFAIL');
    broken = false;
    expect(await answerTo(own, 'consul SOA')).toMatch(/^NOERROR/);
    await own.close();
  });
});
