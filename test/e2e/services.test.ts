/** Services on real agents: registered on one, seen by all over HTTP and DNS, true while things break. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';

type Ours = AgentProcess & { readonly http: string };
interface Entry {
  readonly Node: { readonly Node: string };
  readonly Service: { readonly ID: string; readonly Port: number };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string }[];
}

const ip = (host: number): string => `127.0.61.${host}`;
/** G3 in calm: a change is visible on every agent within this; the rest is for a busy machine. */
const SPREAD = 10_000;

let dir = '';
const targets: Server[] = [];
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-services-'));
});
afterEach(async () => {
  await killProcesses();
  for (const target of targets.splice(0)) target.close();
});
afterAll(() => rmSync(dir, { recursive: true }));

async function cluster(size: number, args: (i: number) => readonly string[] = () => []): Promise<Ours[]> {
  const agents: Ours[] = [];
  for (let i = 1; i <= size; i++)
    agents.push(
      await startHearsay({
        name: `n${i}`,
        ip: ip(i),
        args: args(i),
        ...(i === 1 ? {} : { join: ip(1) }),
      }),
    );
  return agents;
}

const put = async (url: string, body?: unknown): Promise<void> => {
  const answer = await httpRequest('PUT', url, body === undefined ? {} : { body: JSON.stringify(body) });
  expect(`${answer.status} ${answer.body}`).toMatch(/^200 /);
};

const instances = async (agent: Ours, service: string, query = 'passing'): Promise<string[]> =>
  (await getJson<Entry[]>(`${agent.http}/v1/health/service/${service}?${query}`))
    .map((entry) => `${entry.Node.Node}/${entry.Service.ID}`)
    .sort();

const allSee = (agents: readonly Ours[], service: string, expected: readonly string[], limit = SPREAD) =>
  Promise.all(
    agents.map((agent) =>
      waitUntil(`${agent.name} sees ${service} at [${expected}]`, limit, async () => {
        const seen = await instances(agent, service);
        if (seen.join() === expected.join()) return true;
        throw new Error(`[${seen}]`);
      }),
    ),
  );

function target(port: number, host: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((_, answer) => answer.end('ok'));
    targets.push(server);
    server.listen(port, host, () => resolve(server));
  });
}

test('a service is seen by all, follows its check, and goes when it is deregistered', async () => {
  const agents = await cluster(3);
  const [first, second] = agents as [Ours, Ours];
  let app = await target(18080, ip(1));
  await put(`${first.http}/v1/agent/service/register`, {
    Name: 'web',
    Port: 18080,
    Tags: ['v1'],
    Check: { HTTP: `http://${ip(1)}:18080/`, Interval: '1s', Timeout: '1s' },
  });
  expect(Object.keys(await getJson(`${first.http}/v1/catalog/services`))).toContain('web'); // R4

  await allSee(agents, 'web', ['n1/web']);
  app.closeAllConnections();
  await new Promise((resolve) => app.close(resolve));
  await allSee(agents, 'web', []);
  app = await target(18080, ip(1));
  await allSee(agents, 'web', ['n1/web']);

  await put(`${second.http}/v1/agent/service/register`, { Name: 'web', ID: 'web-2', Port: 81 });
  await allSee(agents, 'web', ['n1/web', 'n2/web-2']);
  await put(`${second.http}/v1/agent/service/maintenance/web-2?enable=true&reason=upgrade`);
  await allSee(agents, 'web', ['n1/web']);
  await put(`${second.http}/v1/agent/service/maintenance/web-2?enable=false`);
  await allSee(agents, 'web', ['n1/web', 'n2/web-2']);
  await put(`${second.http}/v1/agent/service/deregister/web-2`);
  await allSee(agents, 'web', ['n1/web']);
}, 90_000);

test('a parked query wakes when another agent registers', async () => {
  const [first, second] = (await cluster(2)) as [Ours, Ours];
  const before = await httpRequest('GET', `${second.http}/v1/health/service/late`);
  const index = before.headers['x-consul-index'];
  const parked = httpRequest('GET', `${second.http}/v1/health/service/late?index=${index}&wait=60s`);
  await put(`${first.http}/v1/agent/service/register`, { Name: 'late', Port: 1 });
  const woken = await parked;
  expect(JSON.parse(woken.body)).toMatchObject([{ Service: { ID: 'late' } }]);
  expect(Number(woken.headers['x-consul-index'])).toBeGreaterThan(Number(index));
}, 90_000);

test("a dead agent's services stop passing, and pass again when it is back with its data directory", async () => {
  const args = (i: number): string[] => ['--data-dir', join(dir, `d${i}`)];
  const agents = await cluster(4, args);
  const [first, second, third, last] = agents as [Ours, Ours, Ours, Ours];
  await put(`${last.http}/v1/agent/service/register`, { Name: 'db', Port: 5432 });
  await put(`${first.http}/v1/agent/service/register`, { Name: 'db', ID: 'db-1', Port: 5432 });
  await allSee(agents, 'db', ['n1/db-1', 'n4/db']);

  await last.kill();
  await allSee([first, second, third], 'db', ['n1/db-1'], 25_000);
  expect(await instances(first, 'db', '')).toEqual(['n1/db-1', 'n4/db']); // known, with serfHealth critical

  const back = await startHearsay({ name: 'n4', ip: ip(4), args: args(4) });
  await allSee([first, second, third, back], 'db', ['n1/db-1', 'n4/db']);

  await back.leave();
  await allSee([first, second, third], 'db', ['n1/db-1']);
  expect(await instances(first, 'db', '')).toEqual(['n1/db-1']); // who left takes its services along
}, 120_000);

test('an agent that was stopped for a while is believed again, with its services', async () => {
  const agents = await cluster(3);
  const [first, second, third] = agents as [Ours, Ours, Ours];
  await put(`${third.http}/v1/agent/service/register`, { Name: 'api', Port: 80 });
  await allSee(agents, 'api', ['n3/api']);
  third.child.kill('SIGSTOP');
  await allSee([first, second], 'api', [], 40_000);
  third.child.kill('SIGCONT');
  await allSee(agents, 'api', ['n3/api']);
}, 120_000);

test('from a file, by the command line, and asked by it', async () => {
  const file = join(dir, 'web.yaml');
  writeFileSync(file, 'service:\n  name: web\n  port: 8080\n  tags: [v1]\n');
  const agents = await cluster(2, (i) => (i === 1 ? ['--service', file] : []));
  const at = (i: number): string[] => ['--http-addr', `http://${ip(i)}:8500`];
  await allSee(agents, 'web', ['n1/web']);

  const more = join(dir, 'more.json');
  writeFileSync(
    more,
    JSON.stringify({ services: [{ Name: 'web', ID: 'web-2', Port: 8081 }, { Name: 'api' }] }),
  );
  expect((await runHearsay(['register', more, ...at(2)])).code).toBe(0);
  await allSee(agents, 'web', ['n1/web', 'n2/web-2']);
  await allSee(agents, 'api', ['n2/api']);

  const services = await runHearsay(['services', '--json', ...at(1)]);
  expect(JSON.parse(services.stdout)).toMatchObject({ web: ['v1'], api: [] });
  const resolved = await runHearsay(['resolve', 'web', ...at(1)]);
  expect(resolved.stdout.trim().split('\n').sort()).toEqual([`${ip(1)}:8080`, `${ip(2)}:8081`]);
  expect((await runHearsay(['resolve', 'nothing', ...at(1)])).code).toBe(4);

  const owners = await Promise.all(
    [1, 2].map((i) => runHearsay(['owner', 'job-7', '--service', 'web', '--json', ...at(i)])),
  );
  expect(owners[0]?.stdout).toBe(owners[1]?.stdout);
  expect(JSON.parse(owners[0]?.stdout ?? '')).toHaveLength(1);

  expect((await runHearsay(['maint', 'on', ...at(2)])).code).toBe(0);
  await allSee(agents, 'web', ['n1/web']);
  expect((await runHearsay(['maint', 'off', ...at(2)])).code).toBe(0);
  expect((await runHearsay(['drain', 'on', 'web-2', ...at(2)])).code).toBe(0);
  await allSee(agents, 'web', ['n1/web']);
  expect((await runHearsay(['deregister', 'web-2', ...at(2)])).code).toBe(0);
  expect((await runHearsay(['deregister', 'web-2', ...at(2)])).code).toBe(4);
}, 90_000);

test('a bad service file stops the start: exit 78, naming it', async () => {
  const file = join(dir, 'bad.yaml');
  writeFileSync(file, 'service:\n  name: web\n  prot: 8080\n');
  const { code, stderr } = await runHearsay([
    'agent',
    '--node',
    'a',
    '--bind',
    `${ip(9)}:7946`,
    '--http',
    'off',
    '--dns',
    'off',
    '--service',
    file,
  ]);
  expect(code).toBe(78);
  expect(stderr).toMatch(/bad\.yaml.*prot/);
});

describe.skipIf(!isInstalled('dig'))('by DNS (skipped where `dig` is not installed)', () => {
  const dig = (host: number, ...words: string[]): string[] =>
    execFileSync('dig', ['+short', `@${ip(host)}`, '-p', '8600', ...words], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .sort();

  test('SRV, A, tags and RFC 2782 names, on an agent that does not host it', async () => {
    const agents = await cluster(2);
    const [first] = agents as [Ours, Ours];
    await put(`${first.http}/v1/agent/service/register`, {
      Name: 'web',
      Port: 8080,
      Tags: ['v1'],
      Address: ip(1),
    });
    await put(`${first.http}/v1/agent/service/register`, {
      Name: 'web',
      ID: 'w2',
      Port: 8081,
      Address: ip(77),
    });
    await allSee(agents, 'web', ['n1/w2', 'n1/web']);
    expect(dig(2, 'web.service.hearsay')).toEqual([ip(1), ip(77)]);
    expect(dig(2, 'v1.web.service.consul')).toEqual([ip(1)]);
    expect(dig(2, '_web._tcp.service.consul', 'SRV')).toEqual([
      '1 1 8080 n1.node.dc1.consul.',
      '1 1 8081 7f003d4d.addr.dc1.consul.',
    ]);
    expect(dig(2, '+tcp', 'consul.service.consul')).toEqual([ip(1), ip(2)]);
  }, 90_000);
});

describe.skipIf(!isInstalled('serf'))(
  'beside real Serf agents (skipped where `serf` is not installed)',
  () => {
    test('the catalog flows between ours, and theirs notice nothing', async () => {
      const serf = await startSerf({ name: 's1', ip: ip(11) });
      const second = await startSerf({ name: 's2', ip: ip(12), join: ip(11) });
      const ours: Ours[] = [];
      for (let i = 1; i <= 3; i++) ours.push(await startHearsay({ name: `n${i}`, ip: ip(i), join: ip(11) }));
      const from = [serf, second].map((agent) => agent.log().length);
      for (const [i, agent] of ours.entries())
        for (let k = 0; k < 10; k++)
          await put(`${agent.http}/v1/agent/service/register`, {
            Name: 'many',
            ID: `m${i}-${k}`,
            Port: 1000 + k,
          });
      const all = [1, 2, 3]
        .flatMap((n) => Array.from({ length: 10 }, (_, k) => `n${n}/m${n - 1}-${k}`))
        .sort();
      await allSee(ours, 'many', all, 15_000);
      await put(`${ours[0]?.http}/v1/agent/service/deregister/m0-0`);
      await allSee(ours, 'many', all.slice(1), 15_000);
      await sleep(35_000); // at least one push/pull of each pair kind
      [serf, second].forEach((agent, i) => {
        const since = agent.log().slice(from[i]);
        expect(since.match(/\[(WARN|ERR)\].*/g) ?? [], agent.name).toEqual([]);
      });
    }, 150_000);
  },
);
