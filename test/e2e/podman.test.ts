/** Real containers, by Debian's podman: from a start to the answer of another agent, and from a kill to absence. */
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
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

const run = promisify(execFile);
const BUSYBOX = '/bin/busybox';
const isHere = isInstalled('podman') && isInstalled('dig') && existsSync(BUSYBOX) && process.getuid?.() === 0;
const ip = (host: number): string => `127.34.2.${host}`;
/** What a container may do without rights that a machine in a container lacks. */
const LIMITS = ['--network', 'host', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];
const SECURITY = ['--security-opt', 'seccomp=unconfined'];

let folder = '';
/** Of the runtimes that are installed, one that runs containers on this machine. */
let runtime: string | undefined;
let service: ReturnType<typeof startProgram> | undefined;

const store = (): string[] => [
  ...['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp')],
  ...['--storage-driver', 'vfs', '--events-backend', 'file', '--cgroup-manager', 'cgroupfs'],
];
const socket = (): string => join(folder, 'podman.sock');

async function podman(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('podman', [...store(), ...args], { timeout: 60_000 });
  return stdout.trim();
}

async function create(name: string, options: readonly string[], command: readonly string[]): Promise<string> {
  if (runtime === undefined) throw new Error('no runtime was found');
  return podman(
    ...['--runtime', runtime, 'create', '--name', name, ...LIMITS, ...SECURITY],
    ...[...options, 'hearsay-test', ...command],
  );
}

/** An image of busybox alone. */
async function importImage(): Promise<void> {
  const root = join(folder, 'image');
  mkdirSync(join(root, 'bin'), { recursive: true });
  copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
  for (const name of ['sh', 'httpd', 'sleep']) symlinkSync('busybox', join(root, 'bin', name));
  await run('tar', ['-C', root, '-cf', join(folder, 'image.tar'), '.']);
  await podman('import', join(folder, 'image.tar'), 'hearsay-test');
}

async function findRuntime(): Promise<string | undefined> {
  for (const one of ['crun', 'runc']) {
    if (!isInstalled(one)) continue;
    const args = [
      '--runtime',
      one,
      'run',
      '--rm',
      ...LIMITS,
      ...SECURITY,
      'hearsay-test',
      '/bin/sh',
      '-c',
      'exit 0',
    ];
    if (
      await podman(...args).then(
        () => true,
        () => false,
      )
    )
      return one;
  }
  return undefined;
}

beforeAll(async () => {
  if (!isHere) return;
  folder = mkdtempSync(join(tmpdir(), 'hearsay-podman-'));
  await importImage();
  runtime = await findRuntime();
});

afterEach(async () => {
  await podman('rm', '--all', '--force', '--time', '0').catch(() => undefined);
  await killProcesses();
});

afterAll(() => {
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

async function startEngine(): Promise<void> {
  service = startProgram('podman', [...store(), 'system', 'service', '--time', '0', `unix://${socket()}`]);
  await waitUntil('the engine answers', 20_000, () => existsSync(socket()));
}

async function stopEngine(): Promise<void> {
  const child = service?.child;
  child?.kill('SIGKILL');
  await waitUntil('the engine is gone', 10_000, () => child?.signalCode !== null);
  rmSync(socket(), { force: true });
}

/** Two agents beside that of the host. */
async function startCluster(): Promise<[HearsayProcess, HearsayProcess, HearsayProcess]> {
  const first = await startHearsay({ name: 'a', ip: ip(1) });
  const second = await startHearsay({ name: 'c', ip: ip(3), join: ip(1) });
  const host = await startHearsay({
    ...{ name: 'b', ip: ip(2), join: ip(1) },
    args: ['--containers', `unix:${socket()}`, '--data-dir', join(folder, 'data')],
  });
  return [first, second, host];
}

interface Entry {
  readonly Node: { readonly Address: string };
  readonly Service: { readonly Port: number; readonly Meta: Readonly<Record<string, string>> };
}

const passing = (agent: HearsayProcess): Promise<readonly Entry[]> =>
  getJson<Entry[]>(`${agent.http}/v1/health/service/web?passing`);

/** When both agents answer so, by the wall clock. */
async function seenAt(
  agents: readonly HearsayProcess[],
  isSeen: (count: number) => boolean,
): Promise<number> {
  const all = agents.map(async (agent) => {
    await waitUntil(`${agent.name} sees it`, 20_000, async () => {
      for (let i = 0; i < 8; i++) {
        if (isSeen((await passing(agent)).length)) return true;
        await sleep(5);
      }
      return false;
    });
    return Date.now();
  });
  return Math.max(...(await Promise.all(all)));
}

async function stateTime(id: string, field: 'StartedAt' | 'FinishedAt'): Promise<number> {
  const [inspected] = JSON.parse(await podman('inspect', id)) as [{ State: Record<string, string> }];
  return Date.parse(inspected.State[field] ?? '');
}

const LABELS = ['--label', 'hearsay.name=web', '--label', 'hearsay.port=18080'];

describe.skipIf(!isHere)('podman', () => {
  test('starts and kills are seen by all agents in time, and the answer leads to the container', async (context) => {
    if (runtime === undefined) return context.skip('no container runs on this machine');
    await startEngine();
    const [first, second] = await startCluster();
    const others = [first, second];
    const [starts, ends]: [number[], number[]] = [[], []];
    for (let i = 0; i < 10; i++) {
      const id = await create(`web-${i}`, LABELS, ['/bin/httpd', '-f', '-p', `${ip(2)}:18080`]);
      const seen = seenAt(others, (count) => count === 1);
      await podman('--runtime', runtime, 'start', id);
      starts.push((await seen) - (await stateTime(id, 'StartedAt')));
      if (i === 0) {
        const [entry] = await passing(second);
        const { status } = await httpRequest('GET', `http://${entry?.Node.Address}:${entry?.Service.Port}/`);
        expect(status).toBe(404); // of httpd, which has no page
      }
      const gone = seenAt(others, (count) => count === 0);
      await podman('kill', id);
      ends.push((await gone) - (await stateTime(id, 'FinishedAt')));
    }
    const sorted = [starts, ends].map((all) => all.sort((x, y) => x - y).map(Math.round));
    console.log(`podman with ${runtime}: start to answer ${sorted[0]} ms, end to absence ${sorted[1]} ms`);
    expect(starts[5]).toBeLessThan(500);
    expect(starts.at(-1)).toBeLessThan(1500);
    expect(ends.at(-1)).toBeLessThan(800);
    const { stdout } = await runHearsay(['why', 'web', '--http-addr', first.http]);
    expect(stdout).toMatch(/its container web-9 on b was killed \d+ s ago \(137\)/);
  });

  test('three lines from nothing: a container of one host is found by DNS on another within a minute', async (context) => {
    if (runtime === undefined) return context.skip('no container runs on this machine');
    const from = performance.now();
    await startEngine();
    const [first] = await startCluster();
    const id = await create('web-dns', LABELS, ['/bin/sleep', '1000']);
    await podman('--runtime', runtime, 'start', id);
    await waitUntil('dig finds it', 60_000, async () => {
      const args = ['+short', `@${first.ip}`, '-p', '8600', 'web.service.consul', 'SRV'];
      return (await run('dig', args)).stdout.trim() === '1 1 18080 b.node.dc1.consul.';
    });
    const seconds = (performance.now() - from) / 1000;
    console.log(`from nothing to an answer of DNS: ${seconds.toFixed(1)} s`);
    expect(seconds).toBeLessThan(60);
  });

  test('a HEALTHCHECK decides, with its output', async (context) => {
    if (runtime === undefined) return context.skip('no container runs on this machine');
    await startEngine();
    const [first] = await startCluster();
    const health = [
      '--health-cmd',
      'test -f /well && echo fine',
      '--health-retries',
      '1',
      '--health-interval',
      'disable',
    ];
    const id = await create('web-h', [...LABELS, ...health], ['/bin/sleep', '1000']);
    await podman('--runtime', runtime, 'start', id);
    const why = async (): Promise<string> =>
      (await runHearsay(['why', 'web', '--http-addr', first.http])).stdout;
    await waitUntil('it is known, and not answered', 10_000, async () =>
      /has not passed yet/.test(await why()),
    );
    await podman('exec', id, '/bin/busybox', 'touch', '/well');
    await podman('healthcheck', 'run', id);
    await waitUntil('it is answered', 10_000, async () => (await passing(first)).length === 1);
    await podman('exec', id, '/bin/busybox', 'rm', '/well');
    await podman('healthcheck', 'run', id).catch(() => undefined);
    await waitUntil('it is not answered', 10_000, async () => (await passing(first)).length === 0);
    expect(await why()).toMatch(/the HEALTHCHECK of container web-h on b fails/);
  });

  test('what happens while the engine is away is found when it is back', async (context) => {
    if (runtime === undefined) return context.skip('no container runs on this machine');
    await startEngine();
    const [first] = await startCluster();
    const ids: string[] = [];
    for (const name of ['web-x', 'web-y'])
      ids.push(
        await create(name, [...LABELS.slice(0, 2), '--label', 'hearsay.port=0'], ['/bin/sleep', '1000']),
      );
    await podman('--runtime', runtime, 'start', ...ids);
    await waitUntil('both are answered', 20_000, async () => (await passing(first)).length === 2);
    await stopEngine();
    await podman('kill', ids[0] ?? '');
    expect(await passing(first)).toHaveLength(2); // nobody can know
    await startEngine();
    await waitUntil('one is left', 20_000, async () => (await passing(first)).length === 1);
    expect((await passing(first))[0]?.Service.Meta['container-name']).toBe('web-y');
  });
});
