/** A service of many instances over real sockets: which records fit, and when TC is set. */
import type { DecodedPacket } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { bigService } from './catalog.ts';
import {
  optOf,
  type QueryOptions,
  queryBytes,
  sendQuery,
  sendUdp,
  startServer,
  type TestServer,
} from './fixture.ts';

const { nodes, services } = bigService(60);

let server: TestServer;
beforeAll(async () => {
  server = await startServer({}, nodes, services);
});
afterAll(() => server.close());

const addressesIn = (packet: DecodedPacket): string[] =>
  (packet.answers ?? []).map((record) => (record.type === 'A' ? record.data : `not A: ${record.type}`));
const portsIn = (packet: DecodedPacket): number[] =>
  (packet.answers ?? []).map((record) => (record.type === 'SRV' ? record.data.port : -1));
const additionalNamesIn = (packet: DecodedPacket): string[] =>
  (packet.additionals ?? []).filter((record) => record.type !== 'OPT').map((record) => record.name);
const sorted = (values: readonly (string | number)[]): string => [...values].sort().join(' ');

describe('60 instances', () => {
  test.each<readonly [string, QueryOptions, number, boolean]>([
    ['Z2 Z5 UDP, no EDNS', {}, 29, true],
    ['Z5 UDP 512, as HAProxy asks', { edns: 512 }, 29, false],
    ['UDP 1232', { edns: 1232 }, 60, false],
    ['UDP 4096', { edns: 4096 }, 60, false],
    ['UDP 65508, as systemd-resolved asks', { edns: 65_508 }, 60, false],
    ['Z10 TCP', { tcp: true }, 60, false],
    ['Z10 TCP 512', { tcp: true, edns: 512 }, 60, false],
  ])('A over %s', async (_, query, count, tc) => {
    const packet = await sendQuery(server, 'big.service.consul A', query);
    expect(new Set(addressesIn(packet)).size).toBe(count);
    expect(packet.answers).toHaveLength(count);
    expect(packet.flag_tc).toBe(tc);
    expect(optOf(packet) !== undefined).toBe(query.edns !== undefined);
  });

  test.each<readonly [string, QueryOptions, number, boolean]>([
    ['Z2 Z5 UDP, no EDNS', {}, 8, true],
    ['Z5 UDP 512, as HAProxy asks', { edns: 512 }, 7, false],
    ['Z5 UDP 1232', { edns: 1232 }, 20, true],
    ['UDP 4096', { edns: 4096 }, 60, false],
    ['UDP 65535', { edns: 65_535 }, 60, false],
    ['Z10 TCP', { tcp: true }, 60, false],
  ])('Z3 SRV over %s: each with its additional record', async (_, query, count, tc) => {
    const packet = await sendQuery(server, 'big.service.consul SRV', query);
    const targets = (packet.answers ?? []).map((record) =>
      record.type === 'SRV' ? record.data.target : '-',
    );
    expect(new Set(targets).size).toBe(count);
    expect(sorted(additionalNamesIn(packet))).toBe(sorted(targets));
    expect(packet.flag_tc).toBe(tc);
  });

  test('D8 60 SRV and 60 A fit 4096 bytes', async () => {
    const bytes = await sendUdp(server, queryBytes('big.service.consul', 'SRV', { edns: 4096 }));
    expect(bytes.length).toBeLessThan(3700);
  });
});

describe('Z4 a stable subset per agent', () => {
  test('one agent answers the same subset, each time in a new order', async () => {
    for (const type of ['A', 'SRV']) {
      const sets = new Set<string>();
      const orders = new Set<string>();
      for (let i = 0; i < 30; i++) {
        const packet = await sendQuery(server, `big.service.consul ${type}`);
        const values = type === 'A' ? addressesIn(packet) : portsIn(packet);
        sets.add(sorted(values));
        orders.add(values.join(' '));
      }
      expect([sets.size, orders.size]).toEqual([1, 30]);
    }
  });

  test('other agents answer other subsets, and together they cover all instances', async () => {
    const seen = new Map<number, number>();
    const sets = new Set<string>();
    for (let i = 0; i < 40; i++) {
      // The first row is the agent's own node.
      const self = { name: `agent-${i}`, ip: `10.200.0.${i}` };
      const own = await startServer({ rng: createRng(7) }, [self, ...nodes], services);
      const ports = portsIn(await sendQuery(own, 'big.service.consul SRV'));
      sets.add(sorted(ports));
      for (const port of ports) seen.set(port, (seen.get(port) ?? 0) + 1);
      await own.close();
    }
    expect(sets.size).toBe(40);
    expect(seen.size).toBe(60);
    // 40 agents with 10 of 60 each: about 7 per instance.
    expect(Math.max(...seen.values())).toBeLessThan(20);
  });

  test('adding or removing an instance changes at most one other', async () => {
    const own = await startServer({}, nodes, services);
    const before = new Set(portsIn(await sendQuery(own, 'big.service.consul SRV')));
    for (const port of before) {
      own.view.setServices(services.filter((service) => service.port !== port));
      const after = portsIn(await sendQuery(own, 'big.service.consul SRV'));
      expect(after.filter((one) => !before.has(one)).length).toBeLessThanOrEqual(1);
      expect(after).not.toContain(port);
    }
    await own.close();
  });
});

describe('Z8 a_record_limit', () => {
  test('limits addresses over UDP and TCP, without TC; SRV is not limited', async () => {
    const own = await startServer({ aRecordLimit: 2 }, nodes, services);
    for (const query of [{}, { edns: 1232 }, { tcp: true }])
      for (const type of ['A', 'ANY']) {
        const packet = await sendQuery(own, `big.service.consul ${type}`, query);
        expect(packet.answers).toHaveLength(2);
        expect(packet.flag_tc).toBe(false);
      }
    expect((await sendQuery(own, 'big.service.consul SRV', { edns: 4096 })).answers).toHaveLength(60);
    await own.close();
  });

  test('every address gets its turn, and a CNAME does not count', async () => {
    const few = services.slice(0, 5);
    const alias = { node: 'node-1', name: 'alias', address: 'big.service.consul' };
    const own = await startServer({ aRecordLimit: 1 }, nodes, [...few, alias]);
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      for (const address of addressesIn(await sendQuery(own, 'big.service.consul A'))) seen.add(address);
      const { answers = [] } = await sendQuery(own, 'alias.service.consul A');
      expect(answers.map((record) => record.type)).toEqual(['CNAME', 'A']);
    }
    expect(seen.size).toBe(5);
    await own.close();
  });
});

test('Z10 3000 instances: TCP is full without TC, UDP is as large as asked', async () => {
  const huge = bigService(3000);
  const own = await startServer({}, huge.nodes, huge.services);
  const tcp = await sendQuery(own, 'big.service.consul SRV', { tcp: true });
  expect(tcp.flag_tc).toBe(false);
  expect(tcp.answers?.length).toBeGreaterThan(950);
  expect(additionalNamesIn(tcp)).toHaveLength(tcp.answers?.length ?? 0);
  const addresses = await sendQuery(own, 'big.service.consul A', { tcp: true });
  expect(new Set(addressesIn(addresses)).size).toBe(3000);
  const udp = await sendUdp(own, queryBytes('big.service.consul', 'SRV', { edns: 1232 }));
  expect(udp.length).toBeGreaterThan(1150);
  expect(udp.length).toBeLessThanOrEqual(1232);
  await own.close();
});

test('an alias of a large service: the CNAME is always answered, with as many addresses as fit', async () => {
  const alias = { node: 'node-1', name: 'alias', port: 80, address: 'big.service.consul' };
  const own = await startServer({}, nodes, [...services, alias]);
  const packet = await sendQuery(own, 'alias.service.consul A');
  expect(packet.answers?.[0]).toMatchObject({ name: 'alias.service.consul', type: 'CNAME' });
  expect(packet.answers?.length).toBeGreaterThan(25);
  expect(packet.flag_tc).toBe(true);
  expect((await sendQuery(own, 'alias.service.consul A', { tcp: true })).answers).toHaveLength(61);
  // Z9: its one SRV does not fit together with 60 addresses.
  const srv = await sendQuery(own, 'alias.service.consul SRV');
  expect([srv.answers?.length, additionalNamesIn(srv).length, srv.flag_tc]).toEqual([1, 0, true]);
  await own.close();
});
