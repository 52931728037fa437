/** The command line as a contract, against the built program: exit codes, sentences, JSON fields. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import { killProcesses, type ProcessResult, runHearsay, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.0.60.${host}`;
const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url));
const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const at = (host: number): string[] => ['--http-addr', `http://${ip(host)}:8500`];
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
    expect(stderr).toMatch(/127\.0\.60\.1:7946.*in use.*--bind/s);
  });

  test('a busy HTTP or DNS port: exit 78, naming the flag, and nothing is left running', async () => {
    await startHearsay({ name: 'a', ip: ip(1) });
    const { code, stderr } = await runHearsay([
      ...['agent', '--node', 'b', '--bind', `${ip(2)}:7946`, '--dns', 'off', '--http', `${ip(1)}:8500`],
    ]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/127\.0\.60\.1:8500.*--http/s);
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

describe('commands', () => {
  test('no agent answers: exit 3, and how to start one', async () => {
    for (const command of [
      ['members'],
      ['info'],
      ['join', ip(1)],
      ['leave'],
      ['forget', 'x'],
      ['tags', 'set', 'a=b'],
    ]) {
      const { code, stdout, stderr } = await runHearsay([...command, ...at(99)]);
      expect(code, command.join(' ')).toBe(3);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/no agent answers at .*hearsay agent/);
    }
  });

  test.runIf(existsSync('/dev/full'))('output that cannot be written: exit 1 and one sentence', async () => {
    const a = await startHearsay({ name: 'a', ip: ip(1) });
    const { stdout } = spawnSync(
      'bash',
      [
        '-c',
        `"$0" "$1" members --http-addr "$2" 2>&1 >/dev/full; echo "exit $?"`,
        process.execPath,
        BIN,
        a.http,
      ],
      { encoding: 'utf8' },
    );
    expect(stdout).toBe('hearsay: the output cannot be written (ENOSPC)\nexit 1\n');
  });

  test('usage errors: exit 2 with the next step', async () => {
    for (const args of [
      ['nonsense'],
      ['members', '--status', 'odd'],
      ['join'],
      ['tags', 'set', 'novalue'],
      ['agent', '--swim-probe-interval', 'soon'],
    ]) {
      const { code, stderr } = await runHearsay(args);
      expect(code, args.join(' ')).toBe(2);
      expect(stderr).not.toBe('');
    }
  });

  test('members, info, tags, join, forget: their JSON', async () => {
    const a = await startHearsay({ name: 'a', ip: ip(1), tags: { role: 'web' } });
    const b = await startHearsay({ name: 'b', ip: ip(2) });

    const joined = await runHearsay(['join', '--json', ip(2), ip(9), ...at(1)]);
    expect(joined.code).toBe(0);
    expect(JSON.parse(joined.stdout)).toMatchObject({ joined: 1, failed: [{ addr: ip(9) }] });

    const none = await runHearsay(['join', '--json', ip(9), ...at(1)]);
    expect(none.code).toBe(1);

    await waitUntil('a sees b', 5_000, async () => (await a.members()).length === 2);
    const members = JSON.parse((await runHearsay(['members', '--json', ...at(1)])).stdout);
    expect(members).toMatchObject([
      { name: 'a', addr: ip(1), port: 7946, status: 'alive', tags: { role: 'web' }, incarnation: 1 },
      { name: 'b', addr: ip(2), port: 7946, status: 'alive', tags: {} },
    ]);

    expect((await runHearsay(['tags', 'set', 'rack=r1', ...at(2)])).code).toBe(0);
    expect((await runHearsay(['tags', 'delete', 'role', ...at(1)])).code).toBe(0);
    await waitUntil('tags have spread', 5_000, async () => {
      const [first, second] = await a.members();
      return first?.tags['role'] === undefined && second?.tags['rack'] === 'r1';
    });
    const tagged = await runHearsay(['members', '--json', '--tag', 'rack=r1', ...at(1)]);
    expect(JSON.parse(tagged.stdout)).toMatchObject([{ name: 'b' }]);

    const info = JSON.parse((await runHearsay(['info', '--json', ...at(1)])).stdout);
    expect(info).toMatchObject({
      node: 'a',
      datacenter: 'dc1',
      members: { alive: 2, total: 2 },
      health: { awareness: 0 },
    });

    expect((await runHearsay(['forget', 'b', ...at(1)])).code).toBe(4);
    expect((await runHearsay(['forget', 'nobody', ...at(1)])).code).toBe(4);

    await b.kill();
    await waitUntil('b is failed', 20_000, async () => (await a.members())[1]?.status === 'failed');
    expect((await runHearsay(['forget', 'b', ...at(1)])).code).toBe(0);
    await waitUntil('b is left', 3_000, async () => (await a.members())[1]?.status === 'left');
    expect((await runHearsay(['force-leave', 'b', '--prune', ...at(1)])).code).toBe(0);
    await waitUntil('b is gone', 3_000, async () => (await a.members()).length === 1);
  });

  test('leave: the others show left, and the process ends with 0', async () => {
    const a = await startHearsay({ name: 'a', ip: ip(1) });
    const b = await startHearsay({ name: 'b', ip: ip(2), join: ip(1) });
    expect((await runHearsay(['leave', ...at(2)])).code).toBe(0);
    await waitUntil('b has ended', 10_000, () => b.child.exitCode !== null);
    expect(b.child.exitCode).toBe(0);
    expect((await a.members())[1]?.status).toBe('left');
  });

  test('SIGTERM leaves first; a second one stops at once', async () => {
    const a = await startHearsay({ name: 'a', ip: ip(1) });
    const b = await startHearsay({ name: 'b', ip: ip(2), join: ip(1) });
    b.child.kill('SIGTERM');
    await waitUntil('a says b left', 5_000, async () => (await a.members())[1]?.status === 'left');
    await waitUntil('b has ended', 10_000, () => b.child.exitCode !== null);
    expect(b.child.exitCode).toBe(0);
  });

  test('metrics of a running agent, as Prometheus reads them', async () => {
    const a = await startHearsay({ name: 'a', ip: ip(1) });
    await startHearsay({ name: 'b', ip: ip(2), join: ip(1) });
    const figures = await waitUntil('packets have been counted', 10_000, async () => {
      const { body } = await httpRequest('GET', `${a.http}/v1/agent/metrics?format=prometheus`);
      return /^hearsay_packets_sent_total [1-9]/m.test(body) ? body : undefined;
    });
    expect(figures).toContain('hearsay_members{status="alive"} 2\n');
    expect(figures).toContain('hearsay_starts_total 1\n');
    expect(figures).toMatch(/^hearsay_tick_lateness_seconds\{quantile="0\.999"\} \d/m);
    expect(figures).toMatch(/^process_resident_memory_bytes [1-9]\d{6,}$/m);
    const names = [...figures.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('keygen, version, config', async () => {
    const key = await runHearsay(['keygen']);
    expect(Buffer.from(key.stdout.trim(), 'base64')).toHaveLength(32);
    expect((await runHearsay(['keygen'])).stdout).not.toBe(key.stdout);
    expect((await runHearsay(['version'])).stdout).toMatch(/^hearsay \d+\.\d+\.\d+\n$/);

    const config = await runHearsay(['config', '--json', '--swim-gossip-interval', '100ms']);
    expect(config.code).toBe(0);
    expect(config.stdout).toContain('--swim-gossip-interval');
    const file = join(dir, 'good.yaml');
    writeFileSync(file, 'datacenter: north\n');
    expect((await runHearsay(['config', 'check', file])).code).toBe(0);
  });
});

describe('an agent with', () => {
  test('a keyring file and a label: joined only by agents that have both', async () => {
    const file = join(dir, 'keyring');
    writeFileSync(file, JSON.stringify([KEY]), { mode: 0o600 });
    const args = ['--keyring-file', file, '--label', 'blue'];
    const a = await startHearsay({ name: 'a', ip: ip(1), args });
    await startHearsay({ name: 'b', ip: ip(2), join: ip(1), args });
    await waitUntil('a sees b', 5_000, async () => (await a.members()).length === 2);
    const other = await agent(3, '--node', 'c', '--join', ip(1), '--keyring-file', file, '--label', 'green');
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
    await startHearsay({ name: 'b', ip: ip(2), args });
    await waitUntil('b found a without a seed', 60_000, async () => {
      const rows = JSON.parse((await runHearsay(['members', '--json', ...at(2)])).stdout) as {
        name: string;
      }[];
      return rows.length === 2;
    });
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
