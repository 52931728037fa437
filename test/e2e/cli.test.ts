/** The command line as a contract, against the built program: exit codes, sentences, JSON fields. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { httpRequest } from '../support/http.ts';
import { killProcesses, runHearsay, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.0.60.${host}`;
const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url));
const at = (host: number): string[] => ['--http-addr', `http://${ip(host)}:8500`];

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-cli-'));
});
afterEach(killProcesses);
afterAll(() => rmSync(dir, { recursive: true }));

describe('commands', () => {
  test('no agent answers: exit 3, and how to start one', async () => {
    const commands = [
      ['members'],
      ['info'],
      ['join', ip(1)],
      ['leave'],
      ['forget', 'x'],
      ['tags', 'set', 'a=b'],
    ];
    const results = await Promise.all(commands.map((command) => runHearsay([...command, ...at(99)])));
    for (const [i, { code, stdout, stderr }] of results.entries()) {
      expect(code, commands[i]?.join(' ')).toBe(3);
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
