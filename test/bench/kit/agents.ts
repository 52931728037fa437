/**
 * Agents of either kind as processes, in the current namespace. What each of them knows is read from its log at level
 * `info`, which costs both kinds the same and needs no polling.
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

/** Log lines that report a member as up, or as down, or a user event. */
const LINES: Readonly<Record<Kind, Readonly<Record<'up' | 'down' | 'event', RegExp>>>> = {
  hearsay: {
    up: /"node":"([^"]+)".*"msg":"member joined"/,
    down: /"node":"([^"]+)".*"msg":"member (?:failed|left)"/,
    event: /"name":"([^"]+)".*"msg":"user event received"/, // at level debug
  },
  serf: {
    up: /EventMemberJoin: (\S+)/,
    down: /EventMember(?:Failed|Leave): (\S+)/,
    event: /Received event: user-event: (\S+)/,
  },
};

export interface BenchAgent {
  readonly kind: Kind;
  readonly name: string;
  readonly ip: string;
  readonly child: ChildProcess;
  /** Names of the members that it sees as up, including itself. */
  readonly up: ReadonlySet<string>;
  /** Names of the user events that it has received. */
  readonly events: ReadonlySet<string>;
  /** Called after each change of `up` and `events`. */
  onChange: () => void;
  /** All log lines that were read. */
  readonly log: readonly string[];
  /** Waits until its API answers, which also warms it up. */
  greet(): Promise<void>;
  /** Joins through its API; resolves when that reports success. */
  join(ip: string): Promise<void>;
  /** Fires a user event, whose name has fewer than 32 octets, through its API. */
  fire(event: string): Promise<void>;
  /** Number of members that it sees as alive, by its API. */
  countAlive(): Promise<number>;
  /** Kills it. */
  kill(): void;
}

export interface LaunchOptions {
  /** Of hearsay: another build's `bin/hearsay.js`. */
  readonly program?: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts the process. `greet` waits until it answers. */
export function launch(kind: Kind, name: string, ip: string, options: LaunchOptions = {}): BenchAgent {
  const [program, ...words] = commandOf(kind, name, ip, options.program);
  const child = spawn(program as string, [...words, ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const up = new Set<string>();
  const events = new Set<string>();
  const log: string[] = [];
  const api = kind === 'hearsay' ? hearsayApi(ip) : serfApi(ip);
  const agent: BenchAgent = {
    ...{ kind, name, ip, child, up, events, log, onChange: () => {} },
    ...api,
    kill: () => {
      api.close();
      child.kill('SIGKILL');
    },
  };
  const { up: joined, down, event } = LINES[kind];
  const note = (line: string): void => {
    log.push(line);
    const arrived = joined.exec(line)?.[1];
    const gone = arrived === undefined ? down.exec(line)?.[1] : undefined;
    const received = event.exec(line)?.[1];
    if (arrived !== undefined) up.add(arrived);
    else if (gone !== undefined) up.delete(gone);
    else if (received !== undefined) events.add(received);
    else return;
    agent.onChange();
  };
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null) createInterface({ input: stream }).on('line', note);
  return agent;
}

/** Starts `n` agents that answer and have not joined: `m00` at `127.0.1.1` and so on. */
export async function launchAll(kind: Kind, n: number, options: LaunchOptions = {}): Promise<BenchAgent[]> {
  const agents = Array.from({ length: n }, (_, i) => launch(kind, memberName(i), memberIp(i), options));
  for (const agent of agents) await agent.greet();
  return agents;
}

export const memberName = (i: number): string => `m${String(i).padStart(2, '0')}`;
export const memberIp = (i: number): string => `127.0.1.${i + 1}`;

/**
 * For each agent the time at which `done` began to hold, by our clock; `undefined` if it did not within `limitMs`. Ends
 * as soon as it holds for all; evaluates it only when a log has a new line.
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

/** Time from an instant until a share `p` of the others; infinite if fewer got there. */
export const spanUntil = (p: number, instants: readonly (number | undefined)[], from: number): number =>
  percentile(
    instants.map((at) => at ?? Number.POSITIVE_INFINITY),
    p,
  ) - from;

/** Joins all to the first, each by one call, all at once. */
export const joinFirst = (agents: readonly BenchAgent[]): Promise<unknown> =>
  Promise.all(agents.slice(1).map((agent) => agent.join((agents[0] as BenchAgent).ip)));

/** Checks by the API what the logs reported. */
export const confirm = (agents: readonly BenchAgent[], alive: number): Promise<unknown> =>
  Promise.all(
    agents.map((agent) =>
      waitUntil(`${agent.name} counts ${alive}`, 20_000, async () => (await agent.countAlive()) === alive),
    ),
  );

/** Kills all and waits until the processes have ended. */
export async function killAll(agents: readonly BenchAgent[]): Promise<void> {
  for (const agent of agents) agent.kill();
  for (const { child } of agents)
    await waitUntil(
      `${child.pid} is gone`,
      20_000,
      () => child.exitCode !== null || child.signalCode !== null,
    );
}

/** Milliseconds of processor time of a process, over all threads. */
export function processorMillis(pid: number): number {
  const nanos = (task: string): number =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  return readdirSync(`/proc/${pid}/task`).reduce((all, task) => all + nanos(task), 0) / 1e6;
}

/** Resident memory in MB (2^20); `own` is the part without files behind it. */
export function memoryOf(pid: number): { readonly rss: number; readonly own: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { rss: of('VmRSS'), own: of('RssAnon') };
}

export function commandOf(kind: Kind, name: string, ip: string, script = HEARSAY): readonly string[] {
  if (kind === 'serf')
    return ['serf', 'agent', `-node=${name}`, `-bind=${ip}:${GOSSIP_PORT}`, `-rpc-addr=${ip}:7373`];
  const doors = ['--http', `${ip}:${HTTP_PORT}`, '--dns', `${ip}:8600`];
  return [process.execPath, script, 'agent', '--node', name, '--bind', `${ip}:${GOSSIP_PORT}`, ...doors];
}

/** By default Node makes the kernel probe idle connections every second, which would count as traffic. */
const QUIET_MILLIS = 600_000;

type Api = Pick<BenchAgent, 'greet' | 'join' | 'fire' | 'countAlive'> & { close(): void };

function hearsayApi(ip: string): Api {
  const agent = new Keeper({ keepAlive: true, keepAliveMsecs: QUIET_MILLIS, maxSockets: 1 });
  const send = (method: string, path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const call = request({ host: ip, port: HTTP_PORT, method, path, agent }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        answer.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          if (answer.statusCode === 200) resolve(body);
          else reject(new Error(`${method} ${path}: ${answer.statusCode} ${body}`));
        });
      });
      call.on('error', reject).end();
    });
  return {
    greet: () => retryUntilDone(() => send('GET', '/v1/agent/self')),
    join: async (seed) => void (await send('PUT', `/v1/agent/join/${seed}:${GOSSIP_PORT}`)),
    fire: async (event) => void (await send('PUT', `/v1/event/fire/${event}`)),
    countAlive: async () =>
      (JSON.parse(await send('GET', '/v1/hearsay/info')) as { members: { alive: number } }).members.alive,
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
    greet: () => retryUntilDone(open),
    join: async (seed) => (await open()).join(`${seed}:${GOSSIP_PORT}`),
    fire: async (event) => (await open()).fire(event),
    countAlive: async () => (await open()).alive(),
    close: () => rpc?.close(),
  };
}

/** Retries until it answers: an agent that is starting refuses connections. */
async function retryUntilDone(attempt: () => Promise<unknown>): Promise<void> {
  const endAt = performance.now() + 60_000;
  for (;;) {
    try {
      return void (await attempt());
    } catch (error) {
      if (performance.now() > endAt) throw error;
      await sleep(20);
    }
  }
}
