/** What a terminal, a pipe and a service manager do to the program: full outputs, and signals at any moment (N22). */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { waitUntil } from '../support/wait.ts';

const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url));
const ip = (host: number): string => `127.21.7.${host}`;

let dir = '';
const children: ChildProcess[] = [];
const servers: Server[] = [];
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-terminal-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(dir, { recursive: true }));

/** An agent whose `--join` waits for a seed that takes the stream and says nothing. */
async function joining(host: number) {
  const silent = createServer(() => undefined);
  servers.push(silent);
  silent.listen(7946, ip(host + 1));
  await once(silent, 'listening');
  let isDialed = false;
  silent.on('connection', () => {
    isDialed = true;
  });
  const data = join(dir, `data-${host}`);
  const words = [
    ...['agent', '--node', 'a', '--bind', `${ip(host)}:7946`, '--http', `${ip(host)}:8500`, '--dns', 'off'],
    ...['--data-dir', data, '--join', ip(host + 1)],
  ];
  const child = spawn(process.execPath, [BIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      printed += chunk.toString('utf8');
    });
  await waitUntil('it waits for its seed', 20_000, () => isDialed);
  return { child, data, printed: () => printed };
}

test.runIf(existsSync('/dev/full')).each([[['--help']], [['config']], [['keygen']]])(
  'N22 %j into a full disk is exit 1 and one sentence',
  (words) => {
    const ran = spawnSync('sh', ['-c', 'exec "$0" "$@" > /dev/full', process.execPath, BIN, ...words], {
      encoding: 'utf8',
    });
    expect([ran.status, ran.stderr]).toEqual([1, 'hearsay: the output cannot be written (ENOSPC)\n']);
  },
);

test('N22 a second Ctrl-C while an agent joins ends it at once, without advice for others', async () => {
  const { child, printed } = await joining(1);
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(8_000) });
  child.kill('SIGINT');
  await waitUntil('it says what it does', 20_000, () => printed().includes('repeat the signal'));
  child.kill('SIGINT');
  const [code, signal] = await ended;
  // 0: the first one had ended it already. SIGINT: it was about to, and Node handles no signal while it shuts down.
  expect([0, 130, 'SIGINT']).toContain(code ?? signal);
  expect(printed()).not.toMatch(/ask another|use another|at .*\.ts/);
});

test('one signal while an agent joins ends it in order, at once: exit 0, and its lock is gone', async () => {
  const { child, data, printed } = await joining(3);
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(8_000) }); // a stream to a silent seed has 10 s
  child.kill('SIGTERM');
  const [code, signal] = await ended;
  expect([signal, code], printed()).toEqual([null, 0]);
  expect(printed()).not.toMatch(/no seed answered|is ready/);
  expect(readdirSync(data)).not.toContain('lock');
});
