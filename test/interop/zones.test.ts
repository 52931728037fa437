/**
 * Four agents in two availability zones: SRV, `resolve`, the library's picks and HAProxy's weights follow when instances of
 * the own zone die and return. HAProxy is left out where it is not installed.
 */
import { Resolver } from 'node:dns/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { connect, type DiscoveredService } from '../../src/client/index.ts';
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

afterEach(() => killProcesses());

const LIMIT = 20_000;
const ip = (host: number): string => `127.55.1.${host}`;
/** By agent; a port says which instance it is. */
const INSTANCES: Readonly<Record<string, readonly number[]>> = {
  a1: [8001, 8002],
  a2: [8003, 8004],
  b1: [8011],
  b2: [8012],
};
const PICKS = 2000;

const put = async ({ http }: HearsayProcess, path: string, body = ''): Promise<void> => {
  const answer = await httpRequest('PUT', `${http}${path}`, { body });
  expect(answer.status, answer.body).toBe(200);
};

async function startAgent(name: string, i: number): Promise<readonly [string, HearsayProcess]> {
  const agent = await startHearsay({
    ...{ name, ip: ip(i + 1), tags: { zone: name.slice(0, 1) }, args: ['--zone-hold', '1s'] },
    ...(i === 0 ? {} : { join: `${ip(1)}:7946` }),
  });
  for (const port of INSTANCES[name] ?? [])
    await put(
      agent,
      '/v1/agent/service/register',
      JSON.stringify({
        ...{ ID: `web-${port}`, Name: 'web', Address: ip(100), Port: port },
        Check: { CheckID: `web-${port}`, TTL: '10m', Status: 'passing' },
      }),
    );
  return [name, agent];
}

async function startAgents(): Promise<Record<string, HearsayProcess>> {
  const [first = '', ...others] = Object.keys(INSTANCES);
  const seed = await startAgent(first, 0);
  const joined = await Promise.all(others.map((name, i) => startAgent(name, i + 1)));
  return Object.fromEntries([seed, ...joined]);
}

/** `8001:1/5`: port, priority and weight. */
async function srv({ ip: host }: HearsayProcess): Promise<string[]> {
  const resolver = new Resolver({ timeout: 1000 });
  resolver.setServers([`${host}:8600`]);
  const records = await resolver.resolveSrv('web.service.consul');
  return records.map(({ port, priority, weight }) => `${port}:${priority}/${weight}`).sort();
}

interface Resolved {
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

async function resolved({ http }: HearsayProcess): Promise<string[]> {
  const rows = await getJson<readonly Resolved[]>(`${http}/v1/hearsay/resolve/web`);
  return rows.map(({ port, priority, weight }) => `${port}:${priority}/${weight}`).sort();
}

/** The instances that picks go to, and the share of zone a in tenths. */
function picks(web: DiscoveredService): string {
  const ports = Array.from({ length: PICKS }, () => web.pick().port);
  const share = ports.filter((port) => port < 8010).length / PICKS;
  return `${[...new Set(ports)].sort().join(' ')}: ${Math.round(share * 10)}`;
}

/** Starts HAProxy and `hearsay sync`; returns what tells the weights of its servers. */
async function startHaproxy({ http }: HearsayProcess): Promise<() => Promise<string[]>> {
  const dir = mkdtempSync(join(tmpdir(), 'hearsay-zones-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const socket = join(dir, 'admin.sock');
  const config = [
    ...[
      'global',
      `  stats socket ${socket} mode 600 level admin`,
      '  maxconn 200',
      'defaults',
      '  mode http',
    ],
    ...['  timeout connect 2s', '  timeout client 10s', '  timeout server 10s', 'frontend web'],
    ...[`  bind ${ip(80)}:8000`, '  default_backend web', 'backend web', '  balance roundrobin', ''],
  ];
  writeFileSync(join(dir, 'haproxy.cfg'), config.join('\n'));
  startProgram('haproxy', ['-db', '-f', join(dir, 'haproxy.cfg')]);
  const api = new HaproxyRuntimeApi({ path: socket });
  await waitUntil('HAProxy answers', LIMIT, () => api.backends());
  const args = ['sync', 'haproxy', '--socket', socket, '--backend', 'web=web', '--http-addr', http];
  startProgram(process.execPath, ['bin/hearsay.js', ...args]);
  return async () =>
    (await api.slots('web'))
      .filter(({ state }) => state === 'ready')
      .map(({ port, weight }) => `${port}:${weight}`)
      .sort();
}

test('readers keep to their zone while it has the capacity, spill in proportion, and return', async () => {
  const agents = await startAgents();
  const { a1, a2, b1 } = agents as { a1: HearsayProcess; a2: HearsayProcess; b1: HearsayProcess };
  const hearsay = connect({ http: a1.http });
  onTestFinished(() => hearsay.close());
  const web = hearsay.discover('web');
  await web.ready;
  const haproxy = isInstalled('haproxy') ? await startHaproxy(a1) : undefined;
  if (haproxy === undefined) console.log('HAProxy is not installed: its weights are not looked at');

  /** All readers at a1 come to say this. */
  const follows = async (
    what: string,
    expected: {
      readonly srv: readonly string[];
      readonly picks: string;
      readonly haproxy: readonly string[];
    },
  ): Promise<void> => {
    const found = async () => ({
      srv: await srv(a1),
      picks: picks(web),
      haproxy: (await haproxy?.()) ?? expected.haproxy,
    });
    await waitUntil(what, LIMIT, async () => {
      const now = await found();
      if (JSON.stringify(now) === JSON.stringify(expected)) return true;
      throw new Error(`found ${JSON.stringify(now)}, and not ${JSON.stringify(expected)}`);
    });
    expect(await resolved(a1), what).toEqual(expected.srv);
  };

  await follows('the own zone has all', {
    srv: ['8001:1/1', '8002:1/1', '8003:1/1', '8004:1/1', '8011:2/1', '8012:2/1'],
    picks: '8001 8002 8003 8004: 10',
    haproxy: ['8001:1', '8002:1', '8003:1', '8004:1', '8011:0', '8012:0'],
  });
  expect((await srv(b1)).filter((one) => one.includes(':1/'))).toEqual(['8011:1/1', '8012:1/1']);
  const why = await runHearsay(['why', 'web', '--http-addr', a1.http]);
  expect(why.stdout).toContain('b is spare: zone a has 4 of 4');
  const lines = await runHearsay(['resolve', 'web', '--http-addr', a1.http]);
  expect(lines.stdout.split('\n').slice(4, 6).sort()).toEqual([`${ip(100)}:8011`, `${ip(100)}:8012`]);

  await a2.kill();
  await follows('half of it is enough', {
    srv: ['8001:1/1', '8002:1/1', '8011:2/1', '8012:2/1'],
    picks: '8001 8002: 10',
    haproxy: ['8001:1', '8002:1', '8011:0', '8012:0'],
  });

  await put(a1, '/v1/agent/check/fail/web-8002');
  await follows('a quarter of it carries a half', {
    srv: ['8001:1/1000', '8011:1/500', '8012:1/500'],
    picks: '8001 8011 8012: 5',
    haproxy: ['8001:256', '8011:128', '8012:128'],
  });

  await put(a1, '/v1/agent/check/fail/web-8001');
  await follows('nothing is left of it', {
    srv: ['8011:1/1', '8012:1/1'],
    picks: '8011 8012: 0',
    haproxy: ['8011:1', '8012:1'],
  });

  for (const port of [8001, 8002]) await put(a1, `/v1/agent/check/pass/web-${port}`);
  await follows('it is back', {
    srv: ['8001:1/1', '8002:1/1', '8011:2/1', '8012:2/1'],
    picks: '8001 8002: 10',
    haproxy: ['8001:1', '8002:1', '8011:0', '8012:0'],
  });
});
