/**
 * Registrations per second over HTTP, with and without a data directory, in which each is flushed before its answer. Both
 * agents take turns. `npx tsx test/bench/registrations.ts`, after `npm run build`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent as Keeper, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '../support/wait.ts';
import { type BenchAgent, launch } from './kit/agents.ts';
import { fixed, heading, median, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { SHORT } from './kit/options.ts';

const ROUNDS = SHORT ? 3 : 7;
const MILLIS = SHORT ? 1_000 : 3_000;
const CLIENTS = [1, 16, 64] as const;
/** Ids that the registrations of a round go to, so that the registry does not grow. */
const SERVICES = 100;
const AGENTS = { 'in memory': '127.0.0.1', 'data directory': '127.0.0.2' } as const;
type AgentName = keyof typeof AGENTS;

interface Pace {
  readonly agent: AgentName;
  readonly clients: number;
  readonly perSecond: number;
  /** The median time until the answer, in milliseconds. */
  readonly latency: number;
}

const keeper = new Keeper({ keepAlive: true, maxSockets: 64 });

function register(ip: string, id: number, port: number): Promise<void> {
  const body = JSON.stringify({ ID: `web-${id}`, Name: 'web', Port: port, Check: { TTL: '1h' } });
  return new Promise((resolve, reject) => {
    const options = {
      host: ip,
      port: 8500,
      path: '/v1/agent/service/register',
      method: 'PUT',
      agent: keeper,
    };
    const call = request(options, (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`${answer.statusCode}`)),
      );
    });
    call.on('error', reject);
    call.end(body);
  });
}

/** Each client sends the next registration when it has the answer to the last. */
async function pace(agent: AgentName, clients: number): Promise<Pace> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  let serial = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - startedAt < MILLIS) {
      const sentAt = performance.now();
      serial += 1;
      await register(AGENTS[agent], serial % SERVICES, 1 + (serial % 65_000));
      latencies.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - startedAt) / 1000;
  return { agent, clients, perSecond: latencies.length / seconds, latency: median(latencies) };
}

async function run(): Promise<void> {
  const paces = await isolated<null, readonly Pace[]>(import.meta.url, null);
  heading(
    `registrations of ${SERVICES} services over HTTP, ${ROUNDS} rounds of ${MILLIS / 1000} s each, medians`,
  );
  const rows = Object.keys(AGENTS).map((agent) => [
    agent,
    ...CLIENTS.flatMap((clients) => {
      const own = paces.filter((one) => one.agent === agent && one.clients === clients);
      return [
        fixed(median(own.map(({ perSecond }) => perSecond))),
        fixed(median(own.map(({ latency }) => latency)), 1),
      ];
    }),
  ]);
  console.log(table([['a second, and ms each', ...CLIENTS.flatMap((n) => [`${n} clients`, 'ms'])], ...rows]));
}

async function measure(): Promise<readonly Pace[]> {
  const dir = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'hearsay-registrations-'));
  const agents: BenchAgent[] = [
    launch('hearsay', 'a', AGENTS['in memory']),
    launch('hearsay', 'b', AGENTS['data directory'], { args: ['--data-dir', join(dir, 'data')] }),
  ];
  const paces: Pace[] = [];
  try {
    for (const agent of agents)
      await waitUntil('the agent answers', 20_000, async () => (await agent.countAlive()) === 1);
    for (const agent of Object.keys(AGENTS) as AgentName[]) await pace(agent, 16); // warms up
    for (let round = 0; round < ROUNDS; round++)
      for (const clients of CLIENTS)
        for (const agent of Object.keys(AGENTS) as AgentName[]) paces.push(await pace(agent, clients));
  } finally {
    for (const agent of agents) agent.kill();
    rmSync(dir, { recursive: true, force: true });
  }
  return paces;
}

export { run };

await main(import.meta.url, { run, measure });
