/** `hearsay top` in real terminals (tmux) of two sizes; the terminal is as it was afterwards, also after kill -TERM. */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpRequest } from '../support/http.ts';
import { type HearsayProcess, isInstalled, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url));
const SOCKET = `hearsay-top-${process.pid}`;
const SHOWN = 30_000;
/** Without a prompt from its first line on: keys may be typed before it has started. */
const SHELL = 'PS1= exec sh';
const ip = (host: number): string => `127.39.2.${host}`;

const tmux = (...words: readonly string[]): string =>
  execFileSync('tmux', ['-L', SOCKET, '-f', '/dev/null', ...words], { encoding: 'utf8' });
const screen = (): string => tmux('capture-pane', '-p');

const isReady = isInstalled('tmux');
if (!isReady) console.warn('top is not tested in a terminal: tmux is not installed');

describe.runIf(isReady)('top', () => {
  let ann: HearsayProcess;
  let bob: HearsayProcess;
  beforeAll(async () => {
    ann = await startHearsay({ name: 'ann', ip: ip(1) });
    bob = await startHearsay({ name: 'bob', ip: ip(2), join: ip(1) });
    const body = JSON.stringify({ Name: 'web', Port: 80 });
    await httpRequest('PUT', `${ann.http}/v1/agent/service/register`, { body });
  });
  afterAll(async () => {
    tmux('kill-server');
    await killProcesses();
  });

  test.each([
    [80, 24],
    [160, 50],
  ])(
    'at %i x %i: members, services, changes, why; q leaves the terminal as it was',
    async (columns, rows) => {
      tmux(...['new-session', '-d', '-s', `at${columns}`, '-x', `${columns}`, '-y', `${rows}`, SHELL]);
      tmux('send-keys', 'echo before', 'Enter');
      await waitUntil('a prompt', SHOWN, () => /^before$/m.test(screen()));
      tmux(
        'send-keys',
        `exec 2>&1; ${process.execPath} ${BIN} top --http-addr ${ann.http}; echo exit $?`,
        'Enter',
      );
      await waitUntil(
        'both tables',
        SHOWN,
        () => /^ann +alive/m.test(screen()) && /^web +1 passing/m.test(screen()),
      );
      expect(screen().trimEnd().split('\n')).toHaveLength(rows);
      tmux('send-keys', '/');
      tmux('send-keys', 'bob', 'Enter');
      await waitUntil('the filter', SHOWN, () => !/^ann /m.test(screen()));
      tmux('send-keys', 'w');
      await waitUntil('why', SHOWN, () => screen().includes('any key: back'));
      tmux('send-keys', 'x', 'q');
      await waitUntil('the end', SHOWN, () => /^exit 0$/m.test(screen()));
      expect(screen()).toMatch(/^before$/m);
      tmux('kill-session', '-t', `at${columns}`);
    },
  );

  test('what the agent finds stands above the tables within five seconds', async () => {
    tmux('new-session', '-d', '-s', 'found', '-x', '80', '-y', '24', SHELL);
    tmux('send-keys', `${process.execPath} ${BIN} top --http-addr ${ann.http}`, 'Enter');
    await waitUntil('both members', SHOWN, () => /^bob +alive/m.test(screen()));
    const stranger = createSocket('udp4');
    try {
      await new Promise<void>((resolve) => stranger.bind(0, ip(9), resolve));
      const at = performance.now();
      stranger.send(Buffer.from([244, 1, 120, 0]), 7946, ip(1)); // a label that is not that of this cluster
      await waitUntil('the finding', SHOWN, () => new RegExp(`^error: .*${ip(9)}`, 'm').test(screen()));
      expect(performance.now() - at).toBeLessThan(5000);
    } finally {
      stranger.close();
      tmux('kill-session', '-t', 'found');
    }
  });

  test('a member that dies comes first, and kill -TERM restores the terminal', async () => {
    tmux('new-session', '-d', '-s', 'term', '-x', '80', '-y', '24', SHELL);
    tmux('send-keys', `${process.execPath} ${BIN} top --http-addr ${ann.http}; echo exit $?`, 'Enter');
    await waitUntil('both members', SHOWN, () => /^bob +alive/m.test(screen()));
    await bob.kill();
    await waitUntil('the death', SHOWN, () => /^bob +failed/m.test(screen()));
    expect(screen()).toMatch(/bob is failed/);
    const [top] = tmux('list-panes', '-F', '#{pane_pid}').trim().split('\n');
    execFileSync('pkill', ['-TERM', '-P', top as string, 'node']);
    await waitUntil('the end', SHOWN, () => /^exit 0$/m.test(screen()));
    expect(tmux('display-message', '-p', '#{cursor_flag} #{alternate_on}').trim()).toBe('1 0');
  });
});
