/**
 * Documents for proxies with a real one: Debian's Caddy, whose upstreams the script of docs/guides/caddy.md keeps by its admin
 * API. The script and the configuration are read from the guide.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type HttpResponse, httpRequest } from '../support/http.ts';
import {
  type HearsayProcess,
  isInstalled,
  killProcesses,
  startHearsay,
  startProgram,
} from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.42.1.${host}`;
const INSTANCES = [ip(11), ip(12)] as const;
const [PORT, CADDY] = [8080, ip(82)];
const SEEN = 30_000;
const isRun = isInstalled('caddy') && isInstalled('curl');
if (!isRun) console.warn('caddy or curl is not installed: documents for Caddy are not tried');

const guide = readFileSync(new URL('../../docs/guides/caddy.md', import.meta.url), 'utf8');
const fenced = (kind: string): string => new RegExp(`\`\`\`${kind}\n([^]*?)\`\`\``).exec(guide)?.[1] ?? '';

let dir = '';
let agents: readonly HearsayProcess[] = [];
const servers: Server[] = [];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-render-'));
  for (const host of INSTANCES) {
    const server = createServer((_, answer) => answer.end(host));
    await new Promise<void>((listening) => server.listen(PORT, host, listening));
    servers.push(server);
  }
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(dir, { recursive: true });
});

beforeEach(async () => {
  const one = await startHearsay({ name: 'one', ip: ip(1) });
  agents = [one, await startHearsay({ name: 'two', ip: ip(2), join: `${ip(1)}:7946` })];
  if (!isRun) return;
  startCaddy();
  await waitUntil('caddy answers', SEEN, async () => (await upstreams()).length === 0);
  const env = [`HEARSAY_HTTP_ADDR=${one.http}`, `CADDY_ADMIN=http://${CADDY}:2019`, `TMPDIR=${dir}`];
  writeFileSync(join(dir, 'caddy-follow'), fenced('sh'));
  startProgram('env', [...env, 'sh', join(dir, 'caddy-follow'), 'web']);
});
afterEach(() => killProcesses());

/** The guide's configuration, at addresses of this test. */
function startCaddy(): void {
  const config = JSON.parse(fenced('json')) as { apps: { http: { servers: { web: object } } } };
  const web = {
    ...config.apps.http.servers.web,
    listen: [`${CADDY}:8000`],
    automatic_https: { disable: true },
  };
  const path = join(dir, 'caddy.json');
  writeFileSync(
    path,
    JSON.stringify({
      admin: { listen: `${CADDY}:2019`, config: { persist: false } },
      storage: { module: 'file_system', root: join(dir, 'caddy') },
      apps: { http: { servers: { web } } },
    }),
  );
  startProgram('caddy', ['run', '--config', path]);
}

/** On a connection of its own: Caddy closes idle ones when its configuration changes. */
const askCaddy = (path: string): Promise<HttpResponse> =>
  httpRequest('GET', `http://${CADDY}:${path}`, { headers: { connection: 'close' } });

async function upstreams(): Promise<readonly { dial: string }[]> {
  const { status, body } = await askCaddy('2019/id/web/upstreams');
  if (status !== 200) throw new Error(`${status} ${body}`);
  return JSON.parse(body) as { dial: string }[];
}

const showsUpstreams = (hosts: readonly string[]): Promise<unknown> =>
  waitUntil(`Caddy has the upstreams ${hosts.join(' ')}`, SEEN, async () => {
    const found = (await upstreams()).map(({ dial }) => dial);
    return found.join() === hosts.map((host) => `${host}:${PORT}`).join();
  });

async function put(agent: HearsayProcess | undefined, path: string, body: object = {}): Promise<void> {
  const { status, body: said } = await httpRequest('PUT', `${agent?.http}/v1/agent/service/${path}`, {
    body: JSON.stringify(body),
  });
  expect([path, status, said]).toEqual([path, 200, '']);
}

const register = (i: 0 | 1): Promise<void> =>
  put(agents[i], 'register', { ID: `web-${i}`, Name: 'web', Address: INSTANCES[i], Port: PORT });

/**
 * The instance that answered, or the status. Caddy 2.6 resets connections that arrive just when its configuration changes, and
 * they are made again, as browsers do.
 */
async function visit(tries = 5): Promise<string> {
  try {
    const { status, body } = await askCaddy('8000/');
    return status === 200 ? body : `${status}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET' || tries <= 1) throw error;
    resets += 1;
    return visit(tries - 1);
  }
}
let resets = 0;

test.skipIf(!isRun)(
  'Caddy follows by the script of the guide, and answers every request meanwhile',
  async () => {
    await register(0);
    await showsUpstreams([INSTANCES[0]]);
    const seen = new Map<string, number>();
    let isDone = false;
    const visits = (async () => {
      while (!isDone) {
        const from = await visit();
        seen.set(from, (seen.get(from) ?? 0) + 1);
      }
    })();
    for (let i = 0; i < 10; i++) {
      await register(1);
      await showsUpstreams(INSTANCES);
      await put(agents[1], 'deregister/web-1');
      await showsUpstreams([INSTANCES[0]]);
    }
    isDone = true;
    await visits;
    const visited = [...seen.values()].reduce((sum, count) => sum + count, 0);
    console.info(`${visited} requests during 20 changes, ${resets} connections reset`);
    expect(visited).toBeGreaterThan(100);
    expect([...seen.keys()].sort()).toEqual([...INSTANCES]);
    await put(agents[0], 'deregister/web-0');
    await showsUpstreams([]);
    expect(await visit()).toBe('503');
  },
);

test.skipIf(!isRun)('a partition leaves Caddy its upstreams, and the answer says so', async () => {
  await register(1);
  await showsUpstreams([INSTANCES[1]]);
  const [one, two] = agents;
  two?.child.kill('SIGSTOP'); // no packet comes from the only other member
  const path = `${one?.http}/v1/hearsay/render/caddy?service=web`;
  await waitUntil(
    'the other agent is failed',
    SEEN,
    async () => (await httpRequest('GET', `${path}&empty=allow`)).body === '[]',
  );
  const { headers, body } = await httpRequest('GET', path);
  expect(JSON.parse(body)).toEqual([{ dial: `${INSTANCES[1]}:${PORT}` }]);
  expect(headers['x-hearsay-kept']).toMatch(/^1 of 1 services would be empty by a partition/);
  for (let i = 0; i < 20; i++) {
    await showsUpstreams([INSTANCES[1]]);
    expect(await visit()).toBe(INSTANCES[1]);
  }
});
