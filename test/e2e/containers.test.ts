/** Containers of a fake engine on real agents: how fast others see them come and go, and what remains after restarts. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeEngine } from '../support/fake-engine.ts';
import { getJson, httpRequest } from '../support/http.ts';
import {
  type HearsayProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startProgram,
} from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.34.1.${host}`;

let folder: string;
let engine: FakeEngine;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearsay-containers-'));
  engine = new FakeEngine(join(folder, 'engine.sock'));
  await engine.start();
});

afterEach(async () => {
  await killProcesses();
  await engine.stop();
  rmSync(folder, { recursive: true });
});

const startOther = (): Promise<HearsayProcess> => startHearsay({ name: 'a', ip: ip(1) });

const startHost = (args: readonly string[] = []): Promise<HearsayProcess> =>
  startHearsay({
    ...{ name: 'b', ip: ip(2), join: ip(1) },
    args: ['--containers', `unix:${engine.path}`, '--data-dir', join(folder, 'data'), ...args],
  });

async function passing(agent: HearsayProcess, service = 'web'): Promise<string[]> {
  const entries = await getJson<{ Service: { Meta: Record<string, string> } }[]>(
    `${agent.http}/v1/health/service/${service}?passing`,
  );
  return entries.map(({ Service }) => Service.Meta['container-name'] ?? '').sort();
}

const running = (): string[] =>
  [...engine.containers.values()]
    .filter(({ status }) => status === 'running')
    .map(({ name }) => name)
    .sort();

const settled = (agent: HearsayProcess, limit = 20_000): Promise<boolean> =>
  waitUntil(
    `${agent.name} answers what runs`,
    limit,
    async () => (await passing(agent)).join() === running().join(),
  );

/** Milliseconds until the other agent answers so. */
async function timed(agent: HearsayProcess, isSeen: (names: readonly string[]) => boolean): Promise<number> {
  const from = performance.now();
  for (;;) {
    if (isSeen(await passing(agent))) return performance.now() - from;
    if (performance.now() - from > 20_000) throw new Error('not within 20 s');
    await sleep(5);
  }
}

const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((x, y) => x - y)[Math.min(values.length - 1, Math.floor(values.length * share))] ??
  Number.NaN;

test('a container is answered by another agent in half a second, and is gone in as much', async () => {
  const other = await startOther();
  await startHost();
  const [starts, ends]: [number[], number[]] = [[], []];
  for (let i = 0; i < 40; i++) {
    const { id, name } = engine.run();
    starts.push(await timed(other, (names) => names.includes(name)));
    engine.end(id, 137, i % 2 === 0);
    ends.push(await timed(other, (names) => !names.includes(name)));
  }
  const figures = [percentile(starts, 0.5), percentile(starts, 0.99), percentile(ends, 0.99)];
  console.log(`start p50, p99, kill p99: ${figures.map((one) => `${Math.round(one)} ms`).join(', ')}`);
  expect(figures[0]).toBeLessThan(500);
  expect(figures[1]).toBeLessThan(1500);
  expect(figures[2]).toBeLessThan(800);
});

test.skipIf(!isInstalled('nginx'))(
  'the proxy of the guide lets the agent see all, and lets nobody do anything',
  async () => {
    const guide = readFileSync(new URL('../../docs/guides/docker.md', import.meta.url), 'utf8');
    const server = /```nginx\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
    const [socket, conf] = [join(folder, 'proxy.sock'), join(folder, 'nginx.conf')];
    const own = server
      .replace('/run/hearsay-engine.sock', socket)
      .replace('/var/run/docker.sock', engine.path);
    const user = process.getuid?.() === 0 ? 'user root;' : '';
    writeFileSync(
      conf,
      `daemon off; master_process off; ${user} pid ${join(folder, 'pid')}; error_log stderr; events {} http { access_log off; ${own} }`,
    );
    startProgram('nginx', ['-c', conf, '-e', 'stderr']);
    await waitUntil('the proxy listens', 10_000, () => existsSync(socket));
    const host = await startHearsay({ name: 'b', ip: ip(2), args: ['--containers', `unix:${socket}`] });
    const { id } = engine.run();
    await settled(host);
    engine.end(id);
    await settled(host);
    for (const [method, path] of [
      ['POST', '/containers/json'],
      ['DELETE', `/containers/${id}/json`],
      ['GET', '/images/json'],
      ['GET', `/containers/${id}/archive`],
      ['POST', '/containers/create'],
    ] as const)
      expect([path, (await httpRequest(method, `unix:${socket}${path}`)).status]).toEqual([path, 403]);
  },
);

test('why says, on another agent, how a container ended', async () => {
  const other = await startOther();
  await startHost();
  const { id, name } = engine.run({ name: 'web-1' });
  await timed(other, (names) => names.includes(name));
  engine.end(id, 137, true);
  await timed(other, (names) => names.length === 0);
  const { stdout } = await runHearsay(['why', 'web', '--http-addr', other.http]);
  expect(stdout).toMatch(/its container web-1 on b was killed for memory \d+ s ago \(137\) \(according to b/);
});

test('neither a crash of the agent nor one of the engine leaves a ghost, or loses a container', async () => {
  const other = await startOther();
  let host = await startHost();
  for (let i = 0; i < 30; i++) engine.run();
  await settled(other);
  for (let round = 0; round < 3; round++) {
    await host.kill();
    await engine.stop();
    const ids = [...engine.containers.keys()];
    for (const id of ids.slice(0, 5)) engine.remove(id);
    for (const id of ids.slice(5, 8)) engine.end(id);
    for (let i = 0; i < 6; i++) engine.run();
    await engine.start();
    host = await startHost();
    await settled(other);
  }
  const services = await getJson<Record<string, unknown>>(`${host.http}/v1/agent/services`);
  const critical = Object.keys(services).length - running().length;
  expect(critical).toBeLessThanOrEqual(24); // those that ended, for a minute
});

test('an engine that is away is said so, and its containers stay as they stood', async () => {
  const host = await startHearsay({ name: 'b', ip: ip(2), args: ['--containers', `unix:${engine.path}`] });
  engine.run();
  await settled(host);
  await engine.stop();
  await waitUntil('it is degraded, and says why', 10_000, async () => {
    const { degraded } = await getJson<{ degraded: string[] }>(`${host.http}/v1/hearsay/health`);
    return /^the container engine unix:.* is away: there is no socket/.test(degraded[0] ?? '');
  });
  expect(await passing(host)).toEqual(running());
  await engine.start();
  await waitUntil('it is well again', 20_000, async () => {
    const health = await getJson<{ degraded: string[] }>(`${host.http}/v1/hearsay/health`);
    return health.degraded.length === 0;
  });
});

test('10,000 containers, of which an agent may have 8,192: it answers meanwhile, and its memory is bounded', async () => {
  for (let i = 0; i < 10_000; i++)
    engine.run(i % 1000 === 0 ? { labels: { 'hearsay.name': 'web', huge: 'x'.repeat(1_000_000) } } : {});
  const from = performance.now();
  const agent = await startHearsay({
    ...{ name: 'b', ip: ip(2), args: ['--containers', `unix:${engine.path}`, '--log-level', 'warn'] },
  });
  let slowest = 0;
  // Ten have a row that is too large; of the others the last are beyond the limit.
  await waitUntil('all were looked at', 200_000, async () => {
    const asked = performance.now();
    await httpRequest('GET', `${agent.http}/v1/status/leader`);
    slowest = Math.max(slowest, performance.now() - asked);
    await sleep(100);
    const [status] = await getJson<{ refusals: number }[]>(`${agent.http}/v1/hearsay/containers`);
    return status?.refusals === 10_000 - 8192;
  });
  const services = await getJson<Record<string, unknown>>(`${agent.http}/v1/agent/services`);
  expect(Object.keys(services)).toHaveLength(8192);
  const { body } = await httpRequest('GET', `${agent.http}/v1/agent/metrics?format=prometheus`);
  const resident = Number(/^process_resident_memory_bytes (\S+)$/m.exec(body)?.[1]);
  console.log(
    `10,000 containers: ${Math.round((performance.now() - from) / 1000)} s, slowest answer ${Math.round(slowest)} ms, ${Math.round(resident / 2 ** 20)} MiB`,
  );
  expect(slowest).toBeLessThan(2000);
  expect(resident).toBeLessThan(512 * 2 ** 20);
}, 240_000);
