/**
 * Jobs on real agents: a job each second, while agents are killed, restarted, stopped in order and taken into maintenance. Each
 * tick is run once, by the records of the runs themselves. `HEARSAY_JOBS_SECONDS=600` is the campaign.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type HearsayProcess, killProcesses, runHearsay, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';

const SECONDS = Number(process.env['HEARSAY_JOBS_SECONDS'] ?? 40);
const ip = (host: number): string => `127.37.2.${host}`;
const at = (host: number): string[] => ['--http-addr', `http://${ip(host)}:8500`];

let dir = '';
let config = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-jobs-'));
  config = join(dir, 'jobs.yaml');
  const record = `echo "$HEARSAY_JOB_TICK $HEARSAY_NODE $HEARSAY_JOB_TOKEN" >> ${join(dir, 'runs')}`;
  writeFileSync(
    config,
    `allowExecJobs: true\njobs:\n  beat:\n    every: 1s\n    overlap: allow\n    run: [/bin/sh, -c, ${JSON.stringify(record)}]\n`,
  );
  chmodSync(config, 0o600);
});
afterEach(killProcesses);
afterAll(() => rmSync(dir, { recursive: true }));

const start = (host: number): Promise<HearsayProcess> =>
  startHearsay({
    ...{ name: `j${host}`, ip: ip(host) },
    args: ['--config', config, '--data-dir', join(dir, `d${host}`), '--retry-join', ip(host === 1 ? 2 : 1)],
  });

const runs = (): string[][] =>
  existsSync(join(dir, 'runs'))
    ? readFileSync(join(dir, 'runs'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(' '))
    : [];

test(
  'each tick is run once, whatever happens to the other agents',
  async () => {
    const agents = new Map<number, HearsayProcess>();
    const boot = async (host: number): Promise<unknown> => agents.set(host, await start(host));
    await Promise.all([1, 2, 3, 4].map(boot));
    await waitUntil('all four run ticks', 60_000, () => new Set(runs().map(([, node]) => node)).size === 4);
    const from = Date.now();
    const deeds: readonly (() => Promise<unknown>)[] = [
      async () => agents.get(3)?.kill(),
      () => boot(3),
      () => runHearsay(['maint', 'on', '--reason', 'test', ...at(4)]),
      () => runHearsay(['maint', 'off', ...at(4)]),
      async () => agents.get(4)?.leave(),
      () => boot(4),
    ];
    for (let i = 0; Date.now() - from < SECONDS * 1000; i++) {
      await deeds[i % deeds.length]?.();
      await sleep(5000);
    }
    const to = Date.now();
    const ticks: string[] = [];
    for (let tick = Math.ceil(from / 1000) * 1000; tick <= to; tick += 1000)
      ticks.push(new Date(tick).toISOString());
    const countOf = (tick: string): number => runs().filter(([one]) => one === tick).length;
    await waitUntil('no tick is missing', 40_000, () => ticks.every((tick) => countOf(tick) > 0));
    expect(ticks.filter((tick) => countOf(tick) !== 1)).toEqual([]);
    expect(ticks.length).toBeGreaterThanOrEqual(SECONDS);
    const { stdout } = await runHearsay(['jobs', 'beat', ...at(1)]);
    expect(stdout).toMatch(/^beat: every 1s, next /);
    expect(stdout).toMatch(/Z +j\d +1 +succeeded/);
  },
  120_000 + SECONDS * 1000,
);
