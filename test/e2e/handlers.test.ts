/** Handlers and the live log against the built program: the guide as it stands, reloads, and an agent that ends. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { killProcesses, runHearsay, startHearsay, startProgram } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';
import { selfSigned } from '../unit/shell/runners/support.ts';

const ip = (host: number): string => `127.0.61.${host}`;
const at = (host: number): string[] => ['--http-addr', `http://${ip(host)}:8500`];
const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url));
const GUIDE = new URL('../../docs/guides/serf-handlers.md', import.meta.url);

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-handlers-'));
});
afterEach(killProcesses);
afterAll(() => rmSync(dir, { recursive: true }));

const read = (name: string): string =>
  existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : '';

function write(name: string, text: string, mode = 0o600): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

/** What stands between the fences of one language. */
const blocks = (language: string): string[] =>
  [...readFileSync(GUIDE, 'utf8').matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    ([, block]) => block as string,
  );

test('the guide: its configuration, scripts and commands do what it says', async () => {
  const posted: unknown[] = [];
  const server = createServer((asking, response) => {
    const chunks: Buffer[] = [];
    asking.on('data', (chunk: Buffer) => chunks.push(chunk));
    asking.on('end', () => {
      posted.push({ path: asking.url, ...JSON.parse(Buffer.concat(chunks).toString('utf8')) });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const here = (text: string): string =>
    text
      .replaceAll('/etc/hearsay/', `${dir}/`)
      .replaceAll('/var/log/', `${dir}/`)
      .replaceAll(':9000', `:${port}`);
  for (const script of blocks('sh')) {
    const name = /^# \/etc\/hearsay\/(\S+)$/m.exec(script)?.[1] ?? '';
    write(name, here(script), 0o700);
  }
  const config = write('guide.yaml', here(blocks('yaml')[0] ?? ''));
  await startHearsay({ name: 'ann', ip: ip(1), args: ['--config', config] });
  const bob = await startHearsay({ name: 'bob', ip: ip(2), join: ip(1), tags: { role: 'db' } });

  await waitUntil('bob is in the log', 20_000, () =>
    read('members.log').includes(`member-join bob ${ip(2)}\n`),
  );
  const commands = (blocks('console')[0] ?? '').match(/^\$ hearsay .+$/gm) ?? [];
  expect(commands).toHaveLength(2);
  for (const command of commands) {
    const { code, stdout, stderr } = await runHearsay([...command.split(' ').slice(2), ...at(2)]);
    expect([code, stderr]).toEqual([0, '']);
    if (command.includes('query')) expect(stdout).toMatch(/ann.*\d\.\d\d \d/);
  }
  await waitUntil('it was deployed', 20_000, () => read('deploy.log') === 'production: ann gets v42\n');
  await bob.kill();
  await waitUntil('the failure is posted', 60_000, () => posted.length === 2);
  expect(posted).toEqual([
    {
      path: '/cluster',
      event: 'user',
      node: 'ann',
      name: 'deploy',
      ltime: expect.any(Number) as number,
      payload: 'v42',
      base64: 'djQy',
    },
    {
      path: '/cluster',
      event: 'member-failed',
      node: 'ann',
      members: [{ name: 'bob', addr: ip(2), port: 7946, tags: { role: 'db', hearsay: '1' } }],
    },
  ]);
});

test('SIGHUP takes over handlers; a running one ends with the agent, its children too', async () => {
  const config = write('reload.yaml', 'handlers: []\n');
  const ann = await startHearsay({ name: 'ann', ip: ip(1), args: ['--config', config] });
  const script = `sleep 1000 & echo $! $$ > ${dir}/pids; wait`;
  write('reload.yaml', `handlers: [{on: ["user:go"], run: [/bin/sh, -c, ${JSON.stringify(script)}]}]\n`);
  ann.child.kill('SIGHUP');
  await waitUntil('it has taken over', 20_000, () => ann.log().includes('handlers changed from none'));
  expect((await runHearsay(['event', 'go', ...at(1)])).code).toBe(0);
  const pids = await waitUntil('it runs', 20_000, () => {
    const found = read('pids').trim().split(' ').map(Number);
    return found.length === 2 ? found : undefined;
  });
  const alive = (pid: number): boolean =>
    existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  expect(pids.every(alive)).toBe(true);
  await ann.leave();
  await waitUntil('all are gone', 20_000, () => !pids.some(alive));
});

test('a file that others may write names no program: exit 78, line and key', async () => {
  const config = write('open.yaml', 'node: a\nhandlers: [{on: [user], run: [/bin/true]}]\n', 0o666);
  const { code, stderr } = await runHearsay(['agent', '--config', config, '--bind', `${ip(1)}:7946`]);
  expect(code).toBe(78);
  expect(stderr).toContain(`${config}:2: handlers: is only read from a file that no other user can write`);
});

test('monitor shows more of the log than the agent writes, until the agent goes', async () => {
  const ann = await startHearsay({ name: 'ann', ip: ip(1), args: ['--log-level', 'error'] });
  const monitor = startProgram(process.execPath, [BIN, 'monitor', '--level', 'debug', ...at(1)]);
  await waitUntil('the event is in it', 20_000, async () => {
    await runHearsay(['event', 'deploy', 'v1', ...at(1)]);
    return /\[DEBUG\] agent: user event received name=deploy/.test(monitor.log());
  });
  expect(ann.log()).not.toContain('user event received');
  await ann.leave();
  await waitUntil('it has ended', 20_000, () => monitor.child.exitCode !== null);
  expect(monitor.child.exitCode).toBe(3);
  expect(monitor.log()).toContain(`the agent at http://${ip(1)}:8500 closed the connection`);
});

const made = selfSigned('localhost');
test.skipIf(typeof made === 'string')("a webhook by https, with a CA of one's own", async () => {
  if (typeof made === 'string') return;
  const server = createTls(made, (_, response) => response.end('from afar'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const config = write('tls.yaml', `handlers: [{on: [query], webhook: "https://localhost:${port}/"}]\n`);
  const ca = write('ca.pem', made.cert.toString());
  const args = ['--config', config];
  await startHearsay({ name: 'ann', ip: ip(1), args, env: { NODE_EXTRA_CA_CERTS: ca } });
  const { stdout, stderr } = await runHearsay(['query', 'where', '--timeout', '3s', ...at(1)]);
  expect([stdout, stderr]).toEqual([expect.stringContaining('from afar'), '']);
});
