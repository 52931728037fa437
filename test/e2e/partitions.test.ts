/**
 * Partitions on real agents with workers of the library: who holds what, by the workers' own records, while one is drained, a
 * host dies, and a process dies.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, runHearsay, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.52.1.${host}`;
const http = (host: number): string => `http://${ip(host)}:8500`;
const COUNT = 9;
const LIBRARY = fileURLToPath(new URL('../../dist/client/index.js', import.meta.url));

/** Registers an instance, takes part, and writes a line for each partition that it begins to hold, or has let go. */
const WORKER = `
import { appendFileSync } from 'node:fs';
const { connect } = await import(${JSON.stringify(`file://${LIBRARY}`)});
const [http, id, file, count] = process.argv.slice(1);
const note = (word, { partition, token }) =>
  appendFileSync(file, [word, partition, token, id, process.pid, Date.now()].join(' ') + '\\n');
const hearsay = connect({ http });
const lease = await hearsay.register({ name: 'work', id, port: 1000, sigterm: false });
await hearsay.partitions(lease, Number(count), {
  acquire: (held) => note('acquire', held),
  release: (held) => note('release', held),
});
process.on('SIGTERM', () => void hearsay.close().then(() => process.exit()));
`;

interface Tenure {
  readonly partition: number;
  readonly token: number;
  readonly worker: string;
  readonly pid: number;
  readonly from: number;
  to: number;
}

let dir = '';
let file = '';
const workers = new Map<number, ChildProcess>();
/** When processes were killed: they could write no line. */
const killedAt = new Map<number, number>();
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-partitions-'));
  file = join(dir, 'record');
});
afterEach(async () => {
  for (const child of workers.values()) child.kill('SIGKILL');
  await killProcesses();
});
afterAll(() => rmSync(dir, { recursive: true }));

function startWorker(host: number): void {
  const args = ['--input-type=module', '-e', WORKER, http(host), `w${host}`, file, String(COUNT)];
  workers.set(host, spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] }));
}

function killWorker(host: number): void {
  const child = workers.get(host);
  killedAt.set(child?.pid ?? 0, Date.now());
  child?.kill('SIGKILL');
}

function tenures(): Tenure[] {
  const found: Tenure[] = [];
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const [word, partition, token, worker = '', pid, at] = line.split(' ');
    const key = { partition: Number(partition), token: Number(token), worker, pid: Number(pid) };
    if (word === 'acquire')
      found.push({ ...key, from: Number(at), to: killedAt.get(key.pid) ?? Number.POSITIVE_INFINITY });
    else
      for (const one of found)
        if (one.pid === key.pid && one.partition === key.partition && one.token === key.token)
          one.to = Number(at);
  }
  return found;
}

const loads = (): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { worker, to } of tenures())
    if (to === Number.POSITIVE_INFINITY) counts[worker] = (counts[worker] ?? 0) + 1;
  return counts;
};
const isShared = (expected: Record<string, number>): boolean =>
  JSON.stringify(Object.entries(loads()).sort()) === JSON.stringify(Object.entries(expected));

/** When an agent first said in its log that a member has failed. */
function failedAt(agent: HearsayProcess, node: string): number | undefined {
  for (const line of agent.log().split('\n')) {
    if (!line.includes('member failed')) continue;
    const entry = JSON.parse(line) as { time: string; node?: string };
    if (entry.node === node) return Date.parse(entry.time);
  }
  return undefined;
}

/** How late this process' own timers were at most: agents on the same machine are as much later. */
let lag = 0;
let last = performance.now();
const lagTimer = setInterval(() => {
  lag = Math.max(lag, performance.now() - last - 20);
  last = performance.now();
}, 20);
afterAll(() => clearInterval(lagTimer));
/** What is promised, on a machine that has time. */
const within = (ms: number): number => ms + 5 * lag;

const startedAfter = (at: number): Tenure[] => tenures().filter(({ from }) => from > at);

/** The figures of docs/performance.md. */
function report(at: Readonly<Record<string, number>>, detected: readonly number[], lagMs: number): void {
  for (const [what, time] of Object.entries(at)) {
    const next = Math.min(Number.POSITIVE_INFINITY, ...Object.values(at).filter((one) => one > time));
    const begun = startedAfter(time).filter(({ from }) => from < next);
    process.stdout.write(`${what}: ${begun.map(({ from }) => from - time).join(' ')} ms\n`);
    if (what === 'crashedAt')
      process.stdout.write(`detected: ${detected.map((one) => one - time).join(' ')} ms\n`);
  }
  process.stdout.write(`lag ${Math.round(lagMs)} ms\n`);
}

test('each partition has one worker at a time, and soon another one when that goes', async () => {
  const start = (host: number): Promise<HearsayProcess> =>
    startHearsay({ name: `p${host}`, ip: ip(host), ...(host === 1 ? {} : { join: ip(1) }) });
  const first = await start(1);
  const [second, third] = await Promise.all([start(2), start(3)]);
  for (const host of [1, 2, 3]) startWorker(host);
  await waitUntil('all have their share', 15_000, () => isShared({ w1: 3, w2: 3, w3: 3 }));

  const drainedAt = Date.now();
  await httpRequest('PUT', `${http(2)}/v1/hearsay/drain/w2?enable=true`);
  await waitUntil('the others have those of w2', 10_000, () => {
    const { w2, w1 = 0, w3 = 0 } = loads();
    return w2 === undefined && w1 + w3 === COUNT;
  });
  expect(startedAfter(drainedAt)).toHaveLength(3);
  for (const { from } of startedAfter(drainedAt)) expect(from - drainedAt).toBeLessThan(within(1000));

  const backAt = Date.now();
  await httpRequest('PUT', `${http(2)}/v1/hearsay/drain/w2?enable=false`);
  await waitUntil('all have their share again', 10_000, () => isShared({ w1: 3, w2: 3, w3: 3 }));
  expect(startedAfter(backAt)).toHaveLength(3);

  const crashedAt = Date.now();
  killWorker(3);
  third?.child.kill('SIGKILL');
  await waitUntil('the others have those of p3', 20_000, () => {
    const { w1 = 0, w2 = 0 } = loads();
    return w1 + w2 === COUNT;
  });
  const detected = [failedAt(first, 'p3'), failedAt(second as HearsayProcess, 'p3')] as number[];
  expect(startedAfter(crashedAt)).toHaveLength(3);
  for (const { worker, from } of startedAfter(crashedAt))
    expect(from - (detected[worker === 'w1' ? 0 : 1] as number)).toBeLessThan(within(1000));

  const { stdout } = await runHearsay([
    'partitions',
    String(COUNT),
    '--service',
    'work',
    '--http-addr',
    http(1),
  ]);
  expect(stdout).toMatch(/^PARTITION +STATE +WORKER +NODE +TOKEN\n\d +held +w1 +p1 +\d{16}\n/);
  expect(stdout).toContain('9 of 9 are held; 2 of 2 workers are usable');

  const diedAt = Date.now();
  killWorker(1);
  await waitUntil('w2 has all', 10_000, () => isShared({ w2: COUNT }));
  for (const { from } of startedAfter(diedAt)) expect(from - diedAt).toBeLessThan(within(1500));

  const all = tenures();
  if (process.env['HEARSAY_PARTITIONS_VERBOSE'] !== undefined)
    report({ drainedAt, backAt, crashedAt, diedAt }, detected, lag);
  for (const a of all)
    for (const b of all)
      if (a !== b && a.partition === b.partition && a.from <= b.from) {
        expect([a, b, b.from >= a.to]).toEqual([a, b, true]);
        expect(b.token).toBeGreaterThan(a.token);
      }
}, 60_000);
