/** `hearsay exec` and `hearsay lease`, from the built program, beside a real agent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url));
const IP = '127.33.2.1';
const HTTP = `http://${IP}:8500`;

/** Listens on `$PORT`; `/die` ends it with code 3; SIGTERM closes it in order, with code 5. */
const SERVER = `
  const server = require('http').createServer((request, response) => {
    if (request.url === '/die') process.exit(3);
    response.end('ok');
  });
  server.listen(process.env.PORT, '127.0.0.1', () => console.log('listening'));
  process.on('SIGHUP', () => console.log('got SIGHUP'));
  process.on('SIGTERM', () => { console.log('got SIGTERM'); process.exit(5); });
`;

let dir = '';
let agent: HearsayProcess;
const startAgent = (): Promise<HearsayProcess> =>
  startHearsay({ name: 'exec-1', ip: IP, args: ['--data-dir', join(dir, 'data'), '--on-stop', 'pause=60s'] });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-exec-'));
  writeFileSync(join(dir, 'server.cjs'), SERVER);
  agent = await startAgent();
});
afterAll(async () => {
  await killProcesses();
  rmSync(dir, { recursive: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** As a shell gives it. */
  readonly exit: Promise<number>;
  says(text: string): Promise<true>;
}

function start(...args: readonly string[]): Running {
  const env = { ...process.env, HEARSAY_HTTP_ADDR: HTTP };
  // In a group of its own, so that the program that it starts ends with it.
  const child = spawn(process.execPath, [BIN, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  const exit = new Promise<number>((resolve) => {
    child.once('exit', (code) => resolve(code ?? -1));
  });
  onTestFinished(async () => {
    endGroup(child.pid as number);
    await exit;
  });
  const says = (wanted: string): Promise<true> =>
    waitUntil(`it says "${wanted}"; so far: ${text}`, 20_000, () => text.includes(wanted));
  return { child, output: () => text, exit, says };
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

const exec = (...args: readonly string[]): Running => start('exec', ...args);
const server = (): readonly string[] => ['--', process.execPath, join(dir, 'server.cjs')];

interface Entry {
  readonly Service: { readonly ID: string; readonly Port: number; readonly Tags: readonly string[] };
}
const usable = (name: string): Promise<Entry[]> =>
  getJson<Entry[]>(`${HTTP}/v1/health/service/${name}?passing`);
const isUsable = (name: string) => async (): Promise<boolean> => (await usable(name)).length > 0;
const isGone = (name: string) => async (): Promise<boolean> => (await usable(name)).length === 0;
async function why(name: string): Promise<string> {
  const url = `${HTTP}/v1/hearsay/why?service=${name}`;
  const { instances } = await getJson<{ instances: { summary: string }[] }>(url);
  return instances.map(({ summary }) => summary).join();
}

describe('hearsay exec', () => {
  test('registers a program when it listens, with the port that it was given, and passes signals on', async () => {
    const one = exec('ready:0', '--tag', 'v1', '--check', '/', '--check-interval', '1s', ...server());
    await waitUntil('it is in the answers', 20_000, isUsable('ready'));
    const [{ Service } = { Service: undefined }] = await usable('ready');
    expect(Service?.Tags).toEqual(['v1']);
    expect((await httpRequest('GET', `http://127.0.0.1:${Service?.Port}/`)).body).toBe('ok');
    one.child.kill('SIGHUP');
    await one.says('got SIGHUP');
  });

  test('SIGTERM: out of all answers first, then the signal when its clients have gone, then its own exit code', async () => {
    const one = exec('drained:0', ...server());
    await waitUntil('it is in the answers', 20_000, isUsable('drained'));
    const port = (await usable('drained'))[0]?.Service.Port ?? 0;
    const client = createConnection(port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    await new Promise((resolve) => client.once('connect', resolve));
    one.child.kill('SIGTERM');
    await waitUntil('it is out of the answers', 10_000, isGone('drained'));
    expect(await why('drained'), one.output()).toContain('it drains');
    // Longer than it takes to drain without a client.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(one.output()).not.toContain('got SIGTERM');
    client.destroy();
    expect(await one.exit).toBe(5);
    expect(one.output()).toContain('got SIGTERM');
    expect((await getJson<unknown[]>(`${HTTP}/v1/catalog/service/drained`)).length).toBe(0);
  });

  test('a client that stays is waited for until --drain-timeout; a second signal ends the wait', async () => {
    for (const [timeout, signals] of [
      ['2s', 1],
      ['10m', 2],
    ] as const) {
      const one = exec('stays:0', '--drain-timeout', timeout, ...server());
      await waitUntil('it is in the answers', 20_000, isUsable('stays'));
      const client = createConnection((await usable('stays'))[0]?.Service.Port ?? 0, '127.0.0.1');
      client.on('error', () => undefined);
      await new Promise((resolve) => client.once('connect', resolve));
      one.child.kill('SIGTERM');
      await one.says('draining');
      if (signals === 2) one.child.kill('SIGTERM');
      expect(await one.exit).toBe(5);
    }
  });

  test('a crash is its exit code here, and a sentence in why for the grace', async () => {
    const one = exec('crashes:0', '--grace', '3s', ...server());
    await waitUntil('it is in the answers', 20_000, isUsable('crashes'));
    const port = (await usable('crashes'))[0]?.Service.Port;
    await httpRequest('GET', `http://127.0.0.1:${port}/die`).catch(() => undefined);
    expect(await one.exit).toBe(3);
    expect(await why('crashes')).toBe('out of results: its process on exec-1 ended: exit code 3');
    await waitUntil('it is forgotten', 10_000, async () => (await why('crashes')) === '');
  });

  test('kill -9 of the program: 137; kill -9 of exec: the connection tells', async () => {
    const one = exec('killed', '--', 'sh', '-c', 'echo pid $$.; sleep 1; kill -9 $$');
    expect(await one.exit).toBe(137);
    expect(await why('killed')).toContain('its process on exec-1 ended: 137: killed');

    const other = exec('killed-2', '--', 'sh', '-c', 'echo pid $$.; exec sleep 600');
    await other.says('is registered');
    const pid = Number(/pid (\d+)\./.exec(other.output())?.[1]);
    onTestFinished(() => void process.kill(pid, 'SIGKILL'));
    other.child.kill('SIGKILL');
    await waitUntil('it is out of the answers', 10_000, isGone('killed-2'));
    expect(await why('killed-2')).toContain('its process on exec-1 closed the connection');
  });

  test('a program that does not listen in time is stopped, with exit code 1', async () => {
    const one = exec('slow:0', '--ready-timeout', '1s', '--', 'sleep', '600');
    expect(await one.exit).toBe(1);
    expect(one.output()).toContain('give it longer with --ready-timeout');
    expect((await getJson<unknown[]>(`${HTTP}/v1/catalog/service/slow`)).length).toBe(0);
  });

  test('a port that another process has is not taken for that of the program', async () => {
    const other = createServer().listen(18_123, '127.0.0.1');
    await once(other, 'listening');
    const one = exec('taken:18123', '--', 'sleep', '600');
    expect(await one.exit).toBe(1);
    expect(one.output()).toContain('another process listens on port 18123 already');
    other.close();
  });

  test('several services of one process; wrong usage and a program that is not there have their codes', async () => {
    const one = exec('web:0', 'admin', '--', process.execPath, join(dir, 'server.cjs'));
    await waitUntil('both are there', 20_000, async () => (await isUsable('web')()) && isUsable('admin')());
    one.child.kill('SIGTERM');
    expect(await one.exit).toBe(5);
    expect(await exec('web').exit).toBe(2);
    expect(await exec('we b', '--', 'true').exit).toBe(2);
    expect(await exec('web', '--', '/no/such/program').exit).toBe(127);
    expect(await exec('web', '--', dir).exit).toBe(126);
  });
});

describe('an agent that restarts', () => {
  test('does not stop the program, which is registered again; a pause shows no gap to others', async () => {
    const reader = await startHearsay({ name: 'exec-2', ip: '127.33.2.2', join: IP });
    const one = exec('stable:0', ...server());
    const held = start('lease', 'by-hand:8080');
    const seen = async (name: string): Promise<number> =>
      (await getJson<unknown[]>(`${reader.http}/v1/health/service/${name}?passing`)).length;
    await waitUntil('the other agent has both', 20_000, async () =>
      [await seen('stable'), await seen('by-hand')].every((count) => count === 1),
    );
    const gaps: string[] = [];
    let isWatching = true;
    const watching = (async () => {
      while (isWatching)
        for (const name of ['stable', 'by-hand'])
          if ((await seen(name)) !== 1) gaps.push(`${name} at ${performance.now()}`);
    })();
    await agent.leave();
    expect([one.child.exitCode, held.child.exitCode]).toEqual([null, null]);
    agent = await startAgent();
    await waitUntil('both are held again', 20_000, async () => {
      const leases = await getJson<{ held: boolean; services: string[] }[]>(`${HTTP}/v1/hearsay/leases`);
      const ids = leases.filter((lease) => lease.held).flatMap(({ services }) => services);
      return ids.includes('by-hand-8080') && ids.some((id) => id.startsWith('stable-'));
    });
    // Longer than the grace: what did not come back would be gone.
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    isWatching = false;
    await watching;
    expect(gaps).toEqual([]);
    held.child.kill('SIGTERM');
    expect(await held.exit).toBe(0);
    await waitUntil('what was released is gone', 10_000, async () => (await seen('by-hand')) === 0);
  });

  test('a program that was started without an agent is registered when there is one', async () => {
    await agent.leave();
    const one = exec('early:0', ...server());
    await one.says('will be when the agent is back');
    expect((await start('lease', 'x:1').exit) === 3).toBe(true);
    agent = await startAgent();
    await waitUntil('it is in the answers', 20_000, isUsable('early'));
    one.child.kill('SIGTERM');
    expect(await one.exit).toBe(5);
  });
});
