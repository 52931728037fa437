/** SRV has availability zones as priorities, and A puts the preferred ones first; nothing changes without a plan. */
import { expect, onTestFinished, test } from 'vitest';
import type { DnsOptions } from '../../../../src/dns/options.ts';
import { type ZonePlan, ZonePlanner } from '../../../../src/locality/zone-planner.ts';
import type { NodeRow } from '../catalog.ts';
import { sendQuery, startServer, type TestServer } from '../fixture.ts';

const ZONES = ['a', 'a', 'b', 'b', 'c'];
const nodes = (...suspects: number[]): NodeRow[] =>
  ZONES.map((zone, i) => ({
    ...{ name: `n${i}`, ip: `10.0.0.${i + 1}`, tags: { zone } },
    status: suspects.includes(i) ? 'suspect' : 'alive',
  }));
const services = ZONES.map((_, i) => ({
  ...{ node: `n${i}`, name: 'web', port: 80, tags: [i % 2 === 0 ? 'even' : 'odd'] },
}));

/** The plan for readers in zone a when it has `usable` of its `usual` instances. */
function plan(usable: number, usual: number): ZonePlan {
  const inZone = (zone: string, rtt: number, count: number, well = count) =>
    Array.from({ length: count }, (_, i) => ({ zone, rtt, usable: i < well }));
  const all = [...inZone('a', 0, usual, usable), ...inZone('b', 1, 2), ...inZone('c', 2, 1)];
  return new ZonePlanner(0.5, 30_000).update(all, 'a', 0);
}

async function start(rows = nodes(), options: Partial<DnsOptions> = {}): Promise<TestServer> {
  const server = await startServer(options, rows, services);
  onTestFinished(() => server.close());
  return server;
}

/** `n0 1/5`: target, priority and weight, by target. */
async function srv(server: TestServer, name = 'web.service.consul'): Promise<string[]> {
  const { answers = [] } = await sendQuery(server, `${name} SRV`);
  return answers
    .map((one) =>
      one.type === 'SRV'
        ? `${one.data.target.split('.')[0]} ${one.data.priority}/${one.data.weight}`
        : one.type,
    )
    .sort();
}

async function hosts(server: TestServer): Promise<number[]> {
  const { answers = [] } = await sendQuery(server, 'web.service.consul A');
  return answers.map((answer) => ('data' in answer ? Number(String(answer.data).split('.')[3]) : 0));
}

test('the own zone has priority 1, the nearest 2, and so on; answers follow the plan', async () => {
  const server = await start();
  const same = ['n0 1/1', 'n1 1/1', 'n2 1/1', 'n3 1/1', 'n4 1/1'];
  expect(await srv(server)).toEqual(same);
  server.view.setPlan(plan(2, 2));
  expect(await srv(server)).toEqual(['n0 1/1', 'n1 1/1', 'n2 2/1', 'n3 2/1', 'n4 3/1']);
  server.view.setPlan(undefined);
  expect(await srv(server)).toEqual(same);
});

test('zones that share the traffic have priority 1, with weights in proportion', async () => {
  const server = await start();
  server.view.setPlan(plan(2, 8)); // half of the traffic stays
  expect(await srv(server)).toEqual(['n0 1/1000', 'n1 1/1000', 'n2 1/1000', 'n3 1/1000', 'n4 2/1']);
  server.view.setPlan(plan(1, 8)); // a quarter, on the two that are answered here
  expect(await srv(server)).toEqual(['n0 1/333', 'n1 1/333', 'n2 1/1000', 'n3 1/1000', 'n4 2/1']);
});

test('a tag selects among them', async () => {
  const server = await start();
  server.view.setPlan(plan(2, 2));
  expect(await srv(server, 'even.web.service.consul')).toEqual(['n0 1/1', 'n2 2/1', 'n4 3/1']);
});

test('suspects come after all zones', async () => {
  const server = await start(nodes(0));
  server.view.setPlan(plan(2, 2));
  expect(await srv(server)).toEqual(['n0 4/1', 'n1 1/1', 'n2 2/1', 'n3 2/1', 'n4 3/1']);
});

test('A has the addresses of the zones that get traffic first, and limits keep those', async () => {
  const server = await start();
  server.view.setPlan(plan(2, 2));
  for (let i = 0; i < 20; i++) expect((await hosts(server)).slice(0, 2).sort()).toEqual([1, 2]);
  const limited = await start(nodes(), { aRecordLimit: 1 });
  limited.view.setPlan(plan(2, 2));
  for (let i = 0; i < 20; i++) expect([1, 2]).toContain((await hosts(limited))[0]);
});
