/**
 * Death by closed connection: one of twelve agents is killed (`kill -9`), and its host stays. Time until its service is
 * absent from the answers of all others, over HTTP and over DNS, and until all others show it as failed.
 * `npx tsx test/bench/closed.ts [--short]`.
 */
import { Resolver } from 'node:dns/promises';
import { httpRequest } from '../support/http.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { type BenchAgent, joinFirst, killAll, launch, memberIp, memberName, whenEach } from './kit/agents.ts';
import { fixed, heading, load, median, percentile, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { SHORT } from './kit/options.ts';

const MEMBERS = 12;
const RUNS = SHORT ? 5 : 30;
const LIMIT_MS = 30_000;
/** Until the streams of an agent that has returned are open. */
const QUIET_MS = 5000;
const POLL_MS = 5;

/** Milliseconds from each kill until the last agent. */
interface Absence {
  readonly http: readonly number[];
  readonly dns: readonly number[];
  readonly failed: readonly number[];
  readonly load: string;
}

async function run(): Promise<void> {
  const spans = await isolated<object, Absence>(import.meta.url, {});
  heading(`one of ${MEMBERS} is killed, its host stays: milliseconds until the last of the others`);
  const head = ['', 'kills', 'median', 'p99', 'worst'];
  const row = (what: string, values: readonly number[]): string[] => [
    what,
    String(values.length),
    ...[median(values), percentile(values, 0.99), Math.max(...values)].map((value) => fixed(value, 0)),
  ];
  const rows = [
    row('absent from HTTP', spans.http),
    row('absent from DNS', spans.dns),
    row('failed', spans.failed),
  ];
  console.log(table([head, ...rows]));
  console.log(`\n${spans.load} at the end`);
}

const start = (i: number): BenchAgent =>
  launch('hearsay', memberName(i), memberIp(i), { args: ['--dns', `${memberIp(i)}:8600`] });

async function measure(): Promise<Absence> {
  const agents = Array.from({ length: MEMBERS }, (_, i) => start(i));
  for (const agent of agents) await agent.greet();
  await joinFirst(agents);
  for (const agent of agents) await register(agent);
  const [http, dns, failed]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < RUNS; i++) {
    await allServe(agents);
    await sleep(QUIET_MS + Math.random() * 1000); // not in step with the agents' probes
    const at = 1 + ((i * 5) % (MEMBERS - 1));
    const victim = agents[at] as BenchAgent;
    const others = agents.filter((agent) => agent !== victim);
    const names = others.map((agent) => absentFromDns(agent, victim));
    const watches = await Promise.all(others.map((agent) => absentFromHttp(agent, victim)));
    const killedAt = performance.now();
    victim.kill();
    const known = whenEach(others, LIMIT_MS, ({ up }) => !up.has(victim.name));
    const since = (instants: readonly number[]): number => Math.max(...instants) - killedAt;
    http.push(since(await Promise.all(watches.map(({ absent }) => absent))));
    dns.push(since(await Promise.all(names)));
    failed.push(since((await known).map((instant) => instant ?? Number.POSITIVE_INFINITY)));
    const again = start(at);
    agents[at] = again;
    await again.greet();
    await again.join((agents[0] as BenchAgent).ip);
    await register(again);
  }
  await killAll(agents);
  return { http, dns, failed, load: load() };
}

async function register({ ip, name }: BenchAgent): Promise<void> {
  const body = JSON.stringify({ Name: 'web', ID: `web-${name}`, Port: 80 });
  await httpRequest('PUT', `http://${ip}:8500/v1/agent/service/register`, { body });
}

const servingNodes = async (ip: string, index = 0): Promise<{ nodes: string[]; index: number }> => {
  const query = index === 0 ? '' : `&index=${index}&wait=${LIMIT_MS}ms`;
  const answer = await httpRequest('GET', `http://${ip}:8500/v1/health/service/web?passing${query}`);
  const found = JSON.parse(answer.body) as { Node: { Node: string } }[];
  return { nodes: found.map(({ Node }) => Node.Node), index: Number(answer.headers['x-consul-index']) };
};

const allServe = (agents: readonly BenchAgent[]): Promise<unknown> =>
  Promise.all(
    agents.map(({ ip, name }) =>
      waitUntil(
        `${name} serves all`,
        LIMIT_MS,
        async () => (await servingNodes(ip)).nodes.length === MEMBERS,
      ),
    ),
  );

/** A blocking query that is parked by now; `absent` is when its answer lacked the victim. */
async function absentFromHttp({ ip }: BenchAgent, victim: BenchAgent): Promise<{ absent: Promise<number> }> {
  let { nodes, index } = await servingNodes(ip);
  const watch = async (): Promise<number> => {
    while (nodes.includes(victim.name)) ({ nodes, index } = await servingNodes(ip, index));
    return performance.now();
  };
  return { absent: watch() };
}

async function absentFromDns({ ip }: BenchAgent, victim: BenchAgent): Promise<number> {
  const resolver = new Resolver({ timeout: 1000, tries: 2 });
  resolver.setServers([`${ip}:8600`]);
  for (;;) {
    const addresses = await resolver.resolve4('web.service.consul').catch(() => [victim.ip]);
    if (!addresses.includes(victim.ip)) return performance.now();
    await sleep(POLL_MS);
  }
}

export { run };

await main(import.meta.url, { run, measure });
