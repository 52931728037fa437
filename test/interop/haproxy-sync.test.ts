/** `hearsay sync haproxy` in front of Debian's HAProxy, under requests: a thousand changes at two agents, no reload, a HAProxy that is restarted, and a partition. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createRng, type Rng } from '../../src/base/rng.ts';
import { HaproxyRuntimeApi } from '../../src/sync/haproxy/runtime-api.ts';
import { getJson, httpRequest } from '../support/http.ts';
import {
  type HearsayProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startProgram,
} from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.41.1.${host}`;
const HTTP_PORT = 8080;
const INSTANCES = Array.from({ length: 12 }, (_, i) => ip(100 + i));
const CHANGES = 1000;
/** Milliseconds from a request to an agent until HAProxy serves what it says, at the 99th percentile. */
const GOAL_P99 = 300;
const LONGEST = 20_000;

const CONFIG = (socket: string): string => `global
  stats socket ${socket} mode 600 level admin
  maxconn 200
defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
frontend web
  bind ${ip(80)}:8000
  default_backend web
backend web
  balance roundrobin
frontend fixed
  bind ${ip(80)}:8001
  default_backend fixed
backend fixed
  balance roundrobin
  server-template hearsay 20 127.0.0.1:1 disabled
`;

let dir = '';
let socket = '';
const servers: Server[] = [];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-haproxy-'));
  socket = join(dir, 'admin.sock');
  writeFileSync(join(dir, 'haproxy.cfg'), CONFIG(socket));
  for (const host of INSTANCES) {
    const server = createServer((_, answer) => answer.end(host));
    await new Promise<void>((listening) => server.listen(HTTP_PORT, host, listening));
    servers.push(server);
  }
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(dir, { recursive: true });
});
afterEach(() => killProcesses());

const startHaproxy = async (): Promise<{ readonly pid: string }> => {
  startProgram('haproxy', ['-db', '-f', join(dir, 'haproxy.cfg')]);
  return { pid: await waitUntil('HAProxy answers', LONGEST, pidOf) };
};
const pidOf = async (): Promise<string> => {
  const pid = /^Pid: (\d+)$/m.exec(await new HaproxyRuntimeApi({ path: socket }).send('show info'))?.[1];
  if (pid === undefined) throw new Error('HAProxy has no process ID');
  return pid;
};

interface Expected {
  weight: number;
  status: 'passing' | 'critical' | 'draining' | 'gone';
}

/** One cluster, with what it should say of each instance. */
class Plot {
  readonly agents: readonly HearsayProcess[];
  readonly expected: Expected[] = INSTANCES.map(() => ({ weight: 1, status: 'gone' }));
  readonly #api = new HaproxyRuntimeApi({ path: socket });

  constructor(agents: readonly HearsayProcess[]) {
    this.agents = agents;
  }

  async register(i: number, weight: number): Promise<void> {
    await this.#put(i, '/v1/agent/service/register', {
      ...{ ID: `web-${i}`, Name: 'web', Address: INSTANCES[i], Port: HTTP_PORT },
      Weights: { Passing: weight, Warning: 1 },
      Check: { CheckID: `web-${i}`, TTL: '10m', Status: 'passing' },
    });
    this.expected[i] = { weight, status: 'passing' };
  }

  /** A drawn change that fits the state of the instance. */
  async change(i: number, rng: Rng): Promise<void> {
    const one = this.expected[i] as Expected;
    const draw = rng.int(4);
    if (one.status === 'gone') return this.register(i, 1 + rng.int(100));
    if (one.status === 'critical') {
      await this.#put(i, `/v1/agent/check/pass/web-${i}`);
      one.status = 'passing';
    } else if (one.status === 'draining') {
      await this.#put(i, `/v1/hearsay/drain/web-${i}?enable=false`);
      one.status = 'passing';
    } else if (draw === 0) return this.register(i, 1 + ((one.weight + rng.int(99)) % 100));
    else if (draw === 1) {
      await this.#put(i, `/v1/agent/check/fail/web-${i}`);
      one.status = 'critical';
    } else if (draw === 2) {
      await this.#put(i, `/v1/hearsay/drain/web-${i}?enable=true`);
      one.status = 'draining';
    } else {
      await this.#put(i, `/v1/agent/service/deregister/web-${i}`);
      one.status = 'gone';
    }
  }

  async slots(backend: string): Promise<readonly string[]> {
    const slots = await this.#api.slots(backend);
    return slots
      .filter(({ state }) => state !== 'maint')
      .map(({ address, weight, state }) => `${address} ${weight} ${state}`)
      .sort();
  }

  /** Resolves when HAProxy has in both backends what is expected. */
  async seen(): Promise<void> {
    const wanted = this.expected
      .flatMap(({ weight, status }, i) =>
        status === 'passing'
          ? [`${INSTANCES[i]} ${weight} ready`]
          : status === 'draining'
            ? [`${INSTANCES[i]} ${weight} drain`]
            : [],
      )
      .sort()
      .join(', ');
    const endAt = performance.now() + LONGEST;
    for (;;) {
      const found = [(await this.slots('web')).join(', '), (await this.slots('fixed')).join(', ')];
      if (found.every((one) => one === wanted)) return;
      if (performance.now() > endAt)
        throw new Error(`HAProxy has ${found.join(' and ')}; expected ${wanted}`);
      await sleep(2);
    }
  }

  /** The names of the slots of an instance, in both backends. */
  async slotsOf(i: number): Promise<readonly (string | undefined)[]> {
    const all = await Promise.all(['web', 'fixed'].map((backend) => this.#api.slots(backend)));
    return all.map((slots) => slots.find(({ address }) => address === INSTANCES[i])?.name);
  }

  /** What Consul's API says is usable. */
  async catalog(): Promise<readonly string[]> {
    const rows = await getJson<readonly { Service: { Address: string; Weights: { Passing: number } } }[]>(
      `${this.agents[0]?.http}/v1/health/service/web?passing`,
    );
    return rows.map(({ Service }) => `${Service.Address} ${Service.Weights.Passing} ready`).sort();
  }

  async #put(i: number, path: string, body?: unknown): Promise<void> {
    const agent = this.agents[i % this.agents.length] as HearsayProcess;
    const { status, body: said } = await httpRequest(
      'PUT',
      `${agent.http}${path}`,
      body === undefined ? {} : { body: JSON.stringify(body) },
    );
    expect(status, said).toBe(200);
  }
}

const startPlot = async (): Promise<Plot> => {
  const a = await startHearsay({ name: 'a', ip: ip(1) });
  return new Plot([a, await startHearsay({ name: 'b', ip: ip(2), join: `${ip(1)}:7946` })]);
};
const words = (...more: readonly string[]): readonly string[] => [
  ...['sync', 'haproxy', '--socket', socket, '--http-addr', `http://${ip(1)}:8500`],
  ...more,
];
const startSync = () =>
  startProgram(process.execPath, [
    'bin/hearsay.js',
    ...words('--backend', 'web=web', '--backend', 'fixed=web'),
  ]);

/** Sends requests one after another until it is stopped. Resolves to how many worked and which failed. */
function startRequests(port: number) {
  const stop = new AbortController();
  const failed: string[] = [];
  let worked = 0;
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const { status, body } = await httpRequest('GET', `http://${ip(80)}:${port}/`).catch(
        (error: Error) => ({ status: 0, body: error.message }),
      );
      if (status === 200) worked += 1;
      else failed.push(`${status} ${body.slice(0, 100)}`);
      await sleep(5);
    }
  };
  const running = run();
  return async (): Promise<{ readonly worked: number; readonly failed: readonly string[] }> => {
    stop.abort();
    await running;
    return { worked, failed };
  };
}

test.skipIf(!isInstalled('haproxy'))(
  `${CHANGES} changes: HAProxy serves the catalog after each, with no reload, no failed request, and an instance that stays in its slot`,
  async () => {
    const { pid } = await startHaproxy();
    const plot = await startPlot();
    await plot.register(0, 10);
    const sync = startSync();
    await plot.seen().catch((error: Error) => {
      throw new Error(`${error.message}: ${sync.log()}`);
    });
    const slots = await plot.slotsOf(0);
    const ends = [startRequests(8000), startRequests(8001)];
    const rng = createRng(1);
    const latencies: number[] = [];
    for (let n = 0; n < CHANGES; n++) {
      const startedAt = performance.now();
      // The first instance stays, so that there is always one to dial.
      await plot.change(1 + rng.int(INSTANCES.length - 1), rng);
      await plot.seen();
      latencies.push(performance.now() - startedAt);
    }
    for (const end of ends) {
      const { worked, failed } = await end();
      expect(failed).toEqual([]);
      expect(worked).toBeGreaterThan(100);
    }
    expect(await plot.catalog()).toEqual((await plot.slots('web')).filter((one) => one.endsWith(' ready')));
    expect(await plot.slotsOf(0)).toEqual(slots);
    expect(await pidOf()).toBe(pid);
    latencies.sort((a, b) => a - b);
    const percentile = (p: number): number =>
      Math.round(latencies[Math.ceil(latencies.length * p) - 1] as number);
    console.log(
      `${CHANGES} changes: p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms, max ${percentile(1)} ms`,
    );
    expect(percentile(0.99)).toBeLessThan(GOAL_P99);
    expect(sync.child.exitCode).toBe(null);
    expect(sync.log()).not.toContain('hearsay: ');
  },
);

test.skipIf(!isInstalled('haproxy'))(
  'a HAProxy that was restarted is set again; while the agent is away its servers stay; --once ends',
  async () => {
    const { pid } = await startHaproxy();
    const plot = await startPlot();
    for (const i of [0, 1, 2]) await plot.register(i, 10 + i);
    const once = await runHearsay(words('--backend', 'web=web', '--once', '--json'));
    expect(once).toMatchObject({ code: 0, stderr: '' });
    const rows = once.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.map(({ event, id }) => `${event} ${id}`).sort()).toEqual([
      'added web-0',
      'added web-1',
      'added web-2',
    ]);
    const sync = startSync();
    await plot.seen();

    process.kill(Number(pid), 'SIGKILL');
    await waitUntil('sync says that HAProxy is away', LONGEST, () =>
      sync.log().includes('HAProxy does not answer at'),
    );
    await startHaproxy();
    await plot.seen();

    for (const agent of plot.agents) await agent.kill();
    await waitUntil('sync says that the agent is away', LONGEST, () =>
      sync.log().includes('the servers stay as they are'),
    );
    await plot.seen();
    process.kill(Number(await pidOf()), 'SIGKILL');
    await startHaproxy();
    await plot.seen();
    expect(sync.child.exitCode).toBe(null);
  },
);

test.skipIf(!isInstalled('haproxy'))(
  'a backend whose instances are all behind a partition keeps them',
  async () => {
    await startHaproxy();
    const plot = await startPlot();
    for (const i of [1, 3]) await plot.register(i, 10);
    const sync = startSync();
    await plot.seen();
    // What agent a sees of a partition from its only peer and of that peer's power failure is the same.
    await plot.agents[1]?.kill();
    await waitUntil('no instance passes', LONGEST, async () => (await plot.catalog()).length === 0);
    await waitUntil('sync says that it keeps them', LONGEST, () =>
      /kept +fixed +no instance passes, and its last servers are kept: /.test(sync.log()),
    );
    await plot.seen();
    const once = words('--backend', 'web=web', '--backend', 'fixed=web', '--once');
    expect(await runHearsay([...once])).toMatchObject({ code: 0, stdout: expect.stringContaining('kept') });
    await plot.seen();
    sync.child.kill('SIGTERM');
    await waitUntil('sync has ended', LONGEST, () => sync.child.exitCode === 0);
    expect(await runHearsay([...once, '--empty', 'allow'])).toMatchObject({ code: 0, stderr: '' });
    expect([...(await plot.slots('web')), ...(await plot.slots('fixed'))]).toEqual([]);
  },
);
