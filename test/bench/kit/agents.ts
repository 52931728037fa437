/**
 * Agents of either kind as processes, in the namespace we are in. What each knows is read off its log at `info`,
 * which costs it the same for both kinds and nobody has to poll.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent as Keeper, request } from 'node:http';
import { createInterface } from 'node:readline';
import { sleep, waitUntil } from '../../support/wait.ts';
import { percentile } from './figures.ts';
import { HEARSAY, type Kind } from './options.ts';
import { SerfRpc } from './serf-rpc.ts';

export const GOSSIP_PORT = 7946;
const HTTP_PORT = 8500;

/** Lines of a log that say a member is up, or no longer. */
const LINES: Readonly<Record<Kind, { readonly up: RegExp; readonly down: RegExp }>> = {
  hearsay: {
    up: /"node":"([^"]+)".*"msg":"member joined"/,
    down: /"node":"([^"]+)".*"msg":"member (?:failed|left)"/,
  },
  serf: { up: /EventMemberJoin: (\S+)/, down: /EventMember(?:Failed|Leave): (\S+)/ },
};

export interface BenchAgent {
  readonly kind: Kind;
  readonly name: string;
  readonly ip: string;
  readonly child: ChildProcess;
  /** Names of those it holds as up, itself among them. */
  readonly up: ReadonlySet<string>;
  /** Called after each change of `up`. */
  onChange: () => void;
  /** Every line of its log that was read. */
  readonly log: readonly string[];
  /** Answers over its own API once, so that nothing is first-time later. */
  greet(): Promise<void>;
  /** Through its API; resolves when that says it is done. */
  join(ip: string): Promise<void>;
  /** How many it holds as alive, by its own API. */
  countAlive(): Promise<number>;
  /** At once, without a word. */
  kill(): void;
}

export interface LaunchOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts the process; whether it answers already, `greet` will tell. */
export function launch(kind: Kind, name: string, ip: string, options: LaunchOptions = {}): BenchAgent {
  const [program, ...words] = commandOf(kind, name, ip);
  const child = spawn(program as string, [...words, ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const up = new Set<string>();
  const log: string[] = [];
  const api = kind === 'hearsay' ? hearsayApi(ip) : serfApi(ip);
  const agent: BenchAgent = {
    ...{ kind, name, ip, child, up, log, onChange: () => {} },
    ...api,
    kill: () => {
      api.close();
      child.kill('SIGKILL');
    },
  };
  const { up: joined, down } = LINES[kind];
  const note = (line: string): void => {
    log.push(line);
    const arrived = joined.exec(line)?.[1];
    const gone = arrived === undefined ? down.exec(line)?.[1] : undefined;
    if (arrived !== undefined) up.add(arrived);
    else if (gone !== undefined) up.delete(gone);
    else return;
    agent.onChange();
  };
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null) createInterface({ input: stream }).on('line', note);
  return agent;
}

/** `n` agents that answer, not joined: `m00` at `127.0.1.1` and so on. */
export async function launchAll(kind: Kind, n: number, options: LaunchOptions = {}): Promise<BenchAgent[]> {
  const agents = Array.from({ length: n }, (_, i) => launch(kind, memberName(i), memberIp(i), options));
  for (const agent of agents) await agent.greet();
  return agents;
}

export const memberName = (i: number): string => `m${String(i).padStart(2, '0')}`;
export const memberIp = (i: number): string => `127.0.1.${i + 1}`;

/**
 * For each, the instant on our clock since when `done` holds, `undefined` if it did not hold after `limitMs`. Ends
 * as soon as it holds for all; asks again only when a log has brought something.
 */
export function whenEach(
  agents: readonly BenchAgent[],
  limitMs: number,
  done: (agent: BenchAgent) => boolean,
): Promise<(number | undefined)[]> {
  const doneAt = new Map<BenchAgent, number>();
  for (const agent of agents) if (done(agent)) doneAt.set(agent, performance.now());
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      for (const agent of agents) agent.onChange = () => {};
      resolve(agents.map((agent) => doneAt.get(agent)));
    };
    const timer = setTimeout(finish, limitMs);
    if (doneAt.size === agents.length) return finish();
    for (const agent of agents)
      agent.onChange = () => {
        if (!done(agent)) doneAt.delete(agent);
        else if (!doneAt.has(agent)) doneAt.set(agent, performance.now());
        if (doneAt.size === agents.length) finish();
      };
  });
}

/** From an instant until a share `p` of the others; infinite if not so many came to it. */
export const spanUntil = (p: number, instants: readonly (number | undefined)[], from: number): number =>
  percentile(
    instants.map((at) => at ?? Number.POSITIVE_INFINITY),
    p,
  ) - from;

/** Joins all to the first, one call each and all at once. */
export const joinFirst = (agents: readonly BenchAgent[]): Promise<unknown> =>
  Promise.all(agents.slice(1).map((agent) => agent.join((agents[0] as BenchAgent).ip)));

/** What the logs told, told by the agents themselves. */
export const confirm = (agents: readonly BenchAgent[], alive: number): Promise<unknown> =>
  Promise.all(
    agents.map((agent) =>
      waitUntil(`${agent.name} counts ${alive}`, 20_000, async () => (await agent.countAlive()) === alive),
    ),
  );

/** Kills all and waits until the kernel has taken them away. */
export async function killAll(agents: readonly BenchAgent[]): Promise<void> {
  for (const agent of agents) agent.kill();
  for (const { child } of agents)
    await waitUntil(
      `${child.pid} is gone`,
      20_000,
      () => child.exitCode !== null || child.signalCode !== null,
    );
}

/** Milliseconds of processor time of a process, all its threads. */
export function processorMillis(pid: number): number {
  const nanos = (task: string): number =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  return readdirSync(`/proc/${pid}/task`).reduce((all, task) => all + nanos(task), 0) / 1e6;
}

/** MB (2^20) resident; `own` is what no file stands behind. */
export function memoryOf(pid: number): { readonly rss: number; readonly own: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { rss: of('VmRSS'), own: of('RssAnon') };
}

export function commandOf(kind: Kind, name: string, ip: string): readonly string[] {
  if (kind === 'serf')
    return ['serf', 'agent', `-node=${name}`, `-bind=${ip}:${GOSSIP_PORT}`, `-rpc-addr=${ip}:7373`];
  const doors = ['--http', `${ip}:${HTTP_PORT}`, '--dns', `${ip}:8600`];
  return [process.execPath, HEARSAY, 'agent', '--node', name, '--bind', `${ip}:${GOSSIP_PORT}`, ...doors];
}

/** Node asks the kernel to probe idle connections each second from here on, which would count as traffic. */
const QUIET_MILLIS = 600_000;

type Api = Pick<BenchAgent, 'greet' | 'join' | 'countAlive'> & { close(): void };

function hearsayApi(ip: string): Api {
  const agent = new Keeper({ keepAlive: true, keepAliveMsecs: QUIET_MILLIS, maxSockets: 1 });
  const ask = (method: string, path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: ip, port: HTTP_PORT, method, path, agent }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        answer.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          if (answer.statusCode === 200) resolve(body);
          else reject(new Error(`${method} ${path}: ${answer.statusCode} ${body}`));
        });
      });
      asked.on('error', reject).end();
    });
  return {
    greet: () => patiently(() => ask('GET', '/v1/agent/self')),
    join: async (seed) => void (await ask('PUT', `/v1/agent/join/${seed}:${GOSSIP_PORT}`)),
    countAlive: async () =>
      (JSON.parse(await ask('GET', '/v1/hearsay/info')) as { members: { alive: number } }).members.alive,
    close: () => agent.destroy(),
  };
}

function serfApi(ip: string): Api {
  let rpc: SerfRpc | undefined;
  const open = async (): Promise<SerfRpc> => {
    rpc ??= await SerfRpc.open(ip);
    return rpc;
  };
  return {
    greet: () => patiently(open),
    join: async (seed) => (await open()).join(`${seed}:${GOSSIP_PORT}`),
    countAlive: async () => (await open()).alive(),
    close: () => rpc?.close(),
  };
}

/** Until it answers; an agent that is starting refuses. */
async function patiently(ask: () => Promise<unknown>): Promise<void> {
  const endAt = performance.now() + 60_000;
  for (;;) {
    try {
      return void (await ask());
    } catch (error) {
      if (performance.now() > endAt) throw error;
      await sleep(20);
    }
  }
}
