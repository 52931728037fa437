/** Nodes that are no members: their names, addresses and services, over real sockets. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NodeRow, ServiceRow } from '../catalog.ts';
import { answerTo, NODATA, NXDOMAIN, startServer, type TestServer } from '../fixture.ts';

const NODES: readonly NodeRow[] = [
  { name: 'd1', ip: '10.0.0.1' },
  { name: 'ext', ip: '192.0.2.9', tags: { rack: 'r1' }, isExternal: true },
  { name: 'db.old', ip: '2001:db8::9', isExternal: true },
  { name: 'rds', ip: 'db.example.com', isExternal: true },
  { name: 'same', ip: '10.0.0.1', isExternal: true },
];
const SERVICES: readonly ServiceRow[] = [
  { node: 'ext', name: 'es', port: 9200 },
  { node: 'ext', name: 'es', id: 'es-2', port: 9201, address: '192.0.2.10' },
  { node: 'rds', name: 'pg', port: 5432 },
];

let server: TestServer;
beforeAll(async () => {
  server = await startServer({}, NODES, SERVICES);
});
afterAll(() => server.close());

test.each([
  ['ext.node.consul A', 'NOERROR | A 192.0.2.9'],
  ['EXT.node.dc1.consul A', 'NOERROR | A 192.0.2.9'],
  ['ext.node.consul AAAA', NODATA],
  ['ext.node.consul TXT', 'NOERROR | TXT rack=r1'],
  ['db.old.node.consul AAAA', 'NOERROR | AAAA 2001:db8::9'],
  ['old.node.consul A', NODATA],
  ['rds.node.consul A', 'NOERROR | CNAME db.example.com'],
  ['nobody.node.consul A', NXDOMAIN],
  ['9.2.0.192.in-addr.arpa PTR', 'NOERROR | PTR ext.node.dc1.consul'],
  ['1.0.0.10.in-addr.arpa PTR', 'NOERROR | PTR d1.node.dc1.consul'], // a member comes first
  ['es.service.consul A', 'NOERROR | A 192.0.2.10 | A 192.0.2.9'],
  [
    '_es._tcp.service.consul SRV',
    'NOERROR | SRV 1 1 9200 ext.node.dc1.consul | SRV 1 1 9201 c000020a.addr.dc1.consul | + c000020a.addr.dc1.consul A 192.0.2.10 | + ext.node.dc1.consul A 192.0.2.9',
  ],
  ['pg.service.consul A', 'NOERROR | CNAME db.example.com'],
  ['_pg._tcp.service.consul SRV', 'NOERROR | SRV 1 1 5432 db.example.com'],
])('A43 %s: %s', async (question, expected) => {
  expect((await answerTo(server, question)).toLowerCase()).toBe(expected.toLowerCase());
});
