/** The command line as a contract, against the built program: starts that fail. Beside cli.test.ts, on addresses of its own. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { killProcesses, type ProcessResult, runHearsay, startHearsay } from '../support/processes.ts';

const ip = (host: number): string => `127.0.89.${host}`;
const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
/** `agent` on addresses of its own, for starts that fail. */
const agent = (host: number, ...args: string[]): Promise<ProcessResult> =>
  runHearsay([
    ...['agent', '--bind', `${ip(host)}:7946`, '--http', `${ip(host)}:8500`, '--dns', `${ip(host)}:8600`],
    ...args,
  ]);

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-cli-'));
});
afterEach(killProcesses);
afterAll(() => rmSync(dir, { recursive: true }));

describe('a start that fails prints one error with its cause', () => {
  test('no seed answers: exit 1, with each seed and its error', async () => {
    const { code, stderr, stdout } = await agent(
      1,
      '--node',
      'a',
      '--join',
      ip(9),
      '--join',
      'nowhere.invalid',
    );
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain(`${ip(9)}: `);
    expect(stderr).toContain('nowhere.invalid: ');
    expect(stderr).toMatch(/no seed answered/);
  });

  test('a port in use: exit 78, and the flag to change', async () => {
    await startHearsay({ name: 'a', ip: ip(1) });
    const { code, stderr } = await agent(1, '--node', 'b');
    expect(code).toBe(78);
    expect(stderr).toMatch(/127\.0\.89\.1:7946.*in use.*--bind/s);
  });

  test('a busy HTTP or DNS port: exit 78, naming the flag, and nothing is left running', async () => {
    await startHearsay({ name: 'a', ip: ip(1) });
    const { code, stderr } = await runHearsay([
      ...['agent', '--node', 'b', '--bind', `${ip(2)}:7946`, '--dns', 'off', '--http', `${ip(1)}:8500`],
    ]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/127\.0\.89\.1:8500.*--http/s);
  });

  test('an address of another host: exit 78', async () => {
    const { code, stderr } = await runHearsay([
      'agent',
      '--bind',
      '192.0.2.1:7946',
      '--http',
      'off',
      '--dns',
      'off',
    ]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/192\.0\.2\.1/);
  });

  test('a name with illegal characters: exit 2', async () => {
    const { code, stderr } = await agent(1, '--node', ' a');
    expect(code).toBe(2);
    expect(stderr).toMatch(/--node/);
  });

  test('a bad key: exit 78, and the key is not printed', async () => {
    const bad = 'c2hvcnQ=';
    const { code, stderr } = await runHearsay(['agent', '--node', 'a'], { HEARSAY_GOSSIP_KEY: bad });
    expect(code).toBe(78);
    expect(stderr).toMatch(/HEARSAY_GOSSIP_KEY/);
    expect(stderr).not.toContain(bad);
  });

  test('a keyring that others can write: exit 78, naming it', async () => {
    const file = join(dir, 'loose-keyring');
    writeFileSync(file, JSON.stringify([KEY]));
    chmodSync(file, 0o666);
    const { code, stderr } = await agent(1, '--node', 'a', '--keyring-file', file);
    expect(code).toBe(78);
    expect(stderr).toContain(file);
  });

  test('a bad setting in a file: exit 78, naming line and key', async () => {
    const file = join(dir, 'bad.yaml');
    writeFileSync(file, 'node: a\nswim:\n  probeInterval: 1ms\n');
    for (const args of [
      ['agent', '--config', file],
      ['config', 'check', file],
    ]) {
      const { code, stderr } = await runHearsay(args);
      expect(code).toBe(78);
      expect(stderr).toMatch(/bad\.yaml:3: swim\.probeInterval/);
    }
  });

  test('HTTP beyond loopback without a token: exit 78', async () => {
    const { code, stderr } = await runHearsay([
      'agent',
      '--node',
      'a',
      '--bind',
      '127.0.0.1:0',
      '--http',
      '0.0.0.0:0',
    ]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/HEARSAY_HTTP_TOKEN.*--insecure/);
  });

  test('another key: the join fails, and neither side knows the other', async () => {
    const a = await startHearsay({ name: 'a', ip: ip(1), key: KEY });
    const { code, stderr } = await agent(2, '--node', 'b', '--join', ip(1));
    expect(code).toBe(1);
    expect(stderr).toMatch(/encrypt/i);
    expect((await a.members()).map((one) => one.name)).toEqual(['a']);
  });
});
