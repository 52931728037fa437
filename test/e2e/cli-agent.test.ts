/** The command line as a contract, against the built program: an agent's options. Beside cli.test.ts, on addresses of its own. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import { killProcesses, runHearsay, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.0.90.${host}`;
const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-cli-'));
});
afterEach(killProcesses);
afterAll(() => rmSync(dir, { recursive: true }));

describe('an agent with', () => {
  test('a keyring file and a label: joined only by agents that have both', async () => {
    const file = join(dir, 'keyring');
    writeFileSync(file, JSON.stringify([KEY]), { mode: 0o600 });
    const args = ['--keyring-file', file, '--label', 'blue'];
    const a = await startHearsay({ name: 'a', ip: ip(1), args });
    await startHearsay({ name: 'b', ip: ip(2), join: ip(1), args });
    await waitUntil('a sees b', 5_000, async () => (await a.members()).length === 2);
    const other = await runHearsay([
      ...['agent', '--node', 'c', '--bind', `${ip(3)}:7946`, '--http', `${ip(3)}:8500`, '--dns', 'off'],
      ...['--join', ip(1), '--keyring-file', file, '--label', 'green'],
    ]);
    expect(other.code).toBe(1);
    expect((await a.members()).map((one) => one.name)).toEqual(['a', 'b']);
  });

  test('IPv6 addresses', async () => {
    const launch = (name: string, port: number, ...args: string[]) =>
      startHearsay({
        name,
        ip: ip(port - 7945),
        args: ['--bind', `[::1]:${port}`, '--http', `${ip(port - 7945)}:8500`, ...args],
      });
    const a = await launch('a', 7946);
    await launch('b', 7947, '--join', '[::1]:7946');
    await waitUntil('a sees b', 5_000, async () => (await a.members()).length === 2);
    expect((await a.members()).map((one) => one.addr)).toEqual(['::1:7946', '::1:7947']);
  });

  test('a data directory: after kill -9 it rejoins without a seed, with a higher incarnation', async () => {
    const args = ['--data-dir', join(dir, 'b')];
    const a = await startHearsay({ name: 'a', ip: ip(1) });
    const b = await startHearsay({ name: 'b', ip: ip(2), join: ip(1), args });
    await waitUntil('a sees b', 5_000, async () => (await a.members()).length === 2);
    const snapshot = join(dir, 'b', 'snapshot');
    await waitUntil(
      'the snapshot names a',
      20_000,
      () => existsSync(snapshot) && readFileSync(snapshot).includes(`${ip(1)}:7946`),
    );
    await b.kill();
    const again = await startHearsay({ name: 'b', ip: ip(2), args });
    await waitUntil('b found a without a seed', 60_000, async () => (await again.members()).length === 2);
    const info = await getJson<{ incarnation: number }>(`http://${ip(2)}:8500/v1/hearsay/info`);
    expect(info.incarnation).toBeGreaterThan(1);
  });

  test('a token: requests without it are refused', async () => {
    const token = 'a-token-that-is-long-enough-to-be-one-0123456789';
    const args = ['--http', `${ip(1)}:8501`];
    const starting = startHearsay({ name: 'a', ip: ip(1), env: { HEARSAY_HTTP_TOKEN: token }, args });
    // The agent answers only with the token, so readiness is seen from a refused request.
    starting.catch(() => undefined);
    await waitUntil('the token is required', 20_000, async () => {
      const answer = await httpRequest('GET', `http://${ip(1)}:8501/v1/agent/self`);
      return answer.status === 403;
    });
    const addr = ['--http-addr', `http://${ip(1)}:8501`];
    expect((await runHearsay(['members', ...addr], { HEARSAY_HTTP_TOKEN: 'another' })).code).toBe(1);
    expect((await runHearsay(['members', ...addr], { HEARSAY_HTTP_TOKEN: token })).code).toBe(0);
    // The agent's own user needs none: the command finds the operator token.
    expect((await runHearsay(['members', ...addr])).code).toBe(0);
  });
});
