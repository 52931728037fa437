/** N11: endpoints on suspected nodes come last while two others are well. */
import { describe, expect, test } from 'vitest';
import type { DnsOptions } from '../../../../src/dns/options.ts';
import type { NodeRow, ServiceRow } from '../catalog.ts';
import { sendQuery, startServer, type TestServer } from '../fixture.ts';

const ROUNDS = 40;
const nodes = (count: number, ...suspects: number[]): NodeRow[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `n${i}`,
    ip: `10.0.0.${i + 1}`,
    status: suspects.includes(i) ? 'suspect' : 'alive',
  }));
const services = (count: number): ServiceRow[] =>
  Array.from({ length: count }, (_, i) => ({
    node: `n${i}`,
    name: 'web',
    port: 80,
    tags: [i % 2 === 0 ? 'even' : 'odd'],
  }));

const start = (rows: readonly NodeRow[], options: Partial<DnsOptions> = {}): Promise<TestServer> =>
  startServer(options, rows, services(rows.length));

/** The last octets of the addresses in one answer. */
async function addresses(server: TestServer, name = 'web.service.consul'): Promise<number[]> {
  const { answers = [] } = await sendQuery(server, `${name} A`);
  return answers.map((answer) => ('data' in answer ? Number(String(answer.data).split('.')[3]) : 0));
}

/** All orders that many answers had. */
async function orders(server: TestServer, name?: string): Promise<number[][]> {
  const found: number[][] = [];
  for (let i = 0; i < ROUNDS; i++) found.push(await addresses(server, name));
  return found;
}

describe('N11 endpoints on suspected nodes', () => {
  test('come last in A, in no fixed order before them, and at once when the suspicion begins or ends', async () => {
    const server = await start(nodes(4));
    expect((await orders(server)).some((order) => order.at(-1) !== 2)).toBe(true);
    server.view.setMembers(nodes(4, 1));
    const found = await orders(server);
    expect(found.every((order) => order.at(-1) === 2)).toBe(true);
    expect(new Set(found.map(([first]) => first))).toEqual(new Set([1, 3, 4]));
    server.view.setMembers(nodes(4));
    expect((await orders(server)).some((order) => order.at(-1) !== 2)).toBe(true);
    await server.close();
  });

  test('have priority 2 in SRV, as RFC 2782 says it', async () => {
    const server = await start(nodes(3, 2));
    const { answers = [] } = await sendQuery(server, 'web.service.consul SRV');
    const priorities = answers.map((one) => (one.type === 'SRV' ? [one.data.target, one.data.priority] : []));
    expect(new Map(priorities as [string, number][])).toEqual(
      new Map([
        ['n0.node.dc1.consul', 1],
        ['n1.node.dc1.consul', 1],
        ['n2.node.dc1.consul', 2],
      ]),
    );
    expect(priorities.at(-1)).toEqual(['n2.node.dc1.consul', 2]);
    await server.close();
  });

  test('stay where they are unless two others are well, with this tag too', async () => {
    const server = await start(nodes(4, 0, 1, 2));
    expect((await orders(server)).some((order) => order.at(-1) === 4)).toBe(true);
    server.view.setMembers(nodes(4, 0));
    expect((await orders(server, 'even.web.service.consul')).some(([first]) => first === 1)).toBe(true);
    await server.close();
  });

  test('are the first to be left out by a limit', async () => {
    const server = await start(nodes(4, 0, 3), { aRecordLimit: 2 });
    for (const order of await orders(server)) expect([...order].sort()).toEqual([2, 3]);
    await server.close();
    const more = await start(nodes(4, 0, 3), { aRecordLimit: 3 });
    for (const order of await orders(more)) expect([...order.slice(0, 2)].sort()).toEqual([2, 3]);
    await more.close();
  });

  test('are as good as the others where the setting is off', async () => {
    const server = await start(nodes(3, 2), { suspectsLast: false });
    expect((await orders(server)).some(([first]) => first === 3)).toBe(true);
    await server.close();
  });
});
