/** What an agent of one build costs, in figures that other load on the machine hardly moves: processor time, memory, packets. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { Agent as Keeper, request } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { encode } from 'dns-packet';
import {
  type BenchAgent,
  joinFirst,
  killAll,
  launch,
  launchAll,
  memoryOf,
  processorMillis,
  whenEach,
} from './agents.ts';
import { sum } from './figures.ts';

/** Figures by their names; each is a cost. */
export type Costs = Readonly<Record<string, number>>;

const HTTP_PORT = 8500;
const DNS_PORT = 8600;
const CLIENTS = 16;
const IN_FLIGHT = 64;
const INSTANCES = 50;
const JOINING = 16;
const keeper = new Keeper({ keepAlive: true, maxSockets: CLIENTS });

function send(ip: string, method: string, path: string, body?: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request({ host: ip, port: HTTP_PORT, method, path, agent: keeper }, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`${method} ${path}: ${answer.statusCode}`));
      });
    });
    call.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const registerWeb = (ip: string, id: number, port: number): Promise<void> =>
  send(ip, 'PUT', '/v1/agent/service/register', {
    ...{ ID: `web-${id}`, Name: 'web', Port: port, Tags: ['http', `v${id % 3}`] },
    Check: { TTL: '1h', Status: 'passing' },
  });

/** An agent with instances of `web`, for the costs of requests. */
export async function startServer(program: string, ip: string): Promise<BenchAgent> {
  const agent = launch('hearsay', 'server', ip, { program });
  await agent.greet();
  for (let i = 0; i < INSTANCES; i++) await registerWeb(ip, i, 8000 + i);
  return agent;
}

/** Microseconds of processor time of an agent for each of `count` pieces of work. */
async function microsEach(agent: BenchAgent, count: number, work: () => Promise<unknown>): Promise<number> {
  const pid = agent.child.pid as number;
  const before = processorMillis(pid);
  await work();
  return (1000 * (processorMillis(pid) - before)) / count;
}

/** Each client sends its next request when it has the answer to the last. */
async function byClients(count: number, one: (serial: number) => Promise<void>): Promise<void> {
  let serial = 0;
  const client = async (): Promise<void> => {
    while (serial < count) await one(serial++);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

export async function costsOfRequests(agent: BenchAgent, count: number): Promise<Costs> {
  const { ip } = agent;
  const health = '/v1/health/service/web?passing';
  return {
    [`HTTP, ${INSTANCES} instances: µs each`]: await microsEach(agent, count, () =>
      byClients(count, () => send(ip, 'GET', health)),
    ),
    'registration: µs each': await microsEach(agent, count, () =>
      byClients(count, (serial) => registerWeb(ip, serial % INSTANCES, 1 + (serial % 65_000))),
    ),
    'DNS, SRV: µs each': await microsEach(agent, 4 * count, () => askDns(ip, 4 * count)),
  };
}

/** Asks until `count` answers have come. */
async function askDns(ip: string, count: number): Promise<void> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  const question = encode({
    ...{ type: 'query', id: 7, flags: 0x100 },
    questions: [{ name: 'web.service.consul', type: 'SRV', class: 'IN' }],
  });
  let answers = 0;
  let heardAt = performance.now();
  const ask = (): void => socket.send(question, DNS_PORT, ip);
  // Datagrams may be lost where the machine is busy; the pace goes on with new ones.
  const again = setInterval(() => {
    if (performance.now() - heardAt > 200) for (let i = 0; i < IN_FLIGHT; i++) ask();
  }, 200);
  await new Promise<void>((resolve) => {
    socket.on('message', () => {
      answers += 1;
      heardAt = performance.now();
      if (answers < count) ask();
      else resolve();
    });
    for (let i = 0; i < IN_FLIGHT; i++) ask();
  });
  clearInterval(again);
  socket.close();
}

/** One start until the first answer. */
export async function costsOfStart(program: string, ip: string): Promise<Costs> {
  const agent = launch('hearsay', 'one', ip, { program });
  await agent.greet();
  const pid = agent.child.pid as number;
  const costs = {
    'start to first answer: processor ms': processorMillis(pid),
    'memory then, without files: MB': memoryOf(pid).own,
  };
  await killAll([agent]);
  return costs;
}

/** Agents that run join one of them at once, until each knows all. */
export async function costsOfJoin(program: string): Promise<Costs> {
  const agents = await launchAll('hearsay', JOINING, { program });
  const used = (): number => sum(agents.map(({ child }) => processorMillis(child.pid as number)));
  const before = used();
  const [met] = await Promise.all([
    whenEach(agents, 60_000, ({ up }) => up.size === JOINING),
    joinFirst(agents),
  ]);
  const spent = used() - before;
  await killAll(agents);
  if (met.includes(undefined)) throw new Error(`${JOINING} agents did not all meet within a minute`);
  return { [`join of ${JOINING} agents: processor ms`]: spent };
}

interface Simulated {
  readonly fullDetection: { readonly median: number };
  readonly packets: number;
  readonly packetBytes: number;
  readonly streamBytes: number;
}

/** The same cluster in the simulator: virtual time and packets are the same at each run of a build. */
export async function costsOfSimulation(program: string, members: number): Promise<Costs> {
  const words = ['simulate', '--members', String(members), '--kill', '5', '--json'];
  // Its processor time is told by itself, at its end.
  const [figures, processor] = await runTimed(program, words);
  return {
    'simulated: crash known everywhere, ms': figures.fullDetection.median,
    'simulated: packets per member and second': figures.packets,
    'simulated: bytes per member and second': figures.packetBytes + figures.streamBytes,
    [`simulating ${members} members: processor ms`]: processor,
  };
}

/** A module that tells the processor time of its process on descriptor 3, at the end. */
const TELL_TIME = `data:text/javascript,${encodeURIComponent(`
import { writeSync } from 'node:fs';
process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  writeSync(3, String((user + system) / 1000));
});`)}`;

async function runTimed(program: string, words: readonly string[]): Promise<[Simulated, millis: number]> {
  const child = spawn(process.execPath, ['--import', TELL_TIME, program, ...words], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  const [output, millis] = await Promise.all(
    [child.stdout, child.stdio[3]].map((stream) => text(stream as Readable)),
  );
  const figures = (JSON.parse(output ?? '') as { results: readonly Simulated[] }).results[0];
  if (figures === undefined) throw new Error('the simulation told nothing');
  return [figures, Number(millis)];
}
