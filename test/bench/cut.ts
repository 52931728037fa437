/**
 * A cut of half the cluster: 32 agents on hosts of their own, of which sixteen are cut off the others. Time until all of each half
 * hold all of the other half as failed. `npx tsx test/bench/cut.ts [--short]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNetnsHosts, type NetnsHost, type NetnsHosts } from '../support/netns.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { fixed, heading, load, median, percentile, table } from './kit/figures.ts';
import { SHORT } from './kit/options.ts';

const MEMBERS = 32;
const RUNS = SHORT ? 1 : 5;
const LIMIT_MS = 120_000;
/** Agents that are started at once. */
const BATCH = 4;
/** Until everything is quiet after the joins. */
const QUIET_MS = 20_000;

const FAILED = /"node":"([^"]+)"[^\n]*"msg":"member failed"/g;
const JOINED = /"node":"([^"]+)"[^\n]*"msg":"member joined"/g;

/** The names that a log tells of. */
const namesIn = (log: string, pattern: RegExp): ReadonlySet<string> =>
  new Set([...log.matchAll(pattern)].map(([, name = '']) => name));

async function cutOnce(hosts: NetnsHosts, dir: string): Promise<number[]> {
  await hosts.partition([]);
  const start = ({ ip, commandPrefix }: NetnsHost, i: number): Promise<HearsayProcess> => {
    const socket = join(dir, `n${i}.sock`);
    const seed = i === 0 ? {} : { join: '10.99.0.1:7946' };
    return startHearsay({ name: `n${i}`, ip, commandPrefix, socket, args: ['--log-level', 'info'], ...seed });
  };
  const agents = [await start(hosts.list[0] as NetnsHost, 0)];
  for (let at = 1; at < MEMBERS; at += BATCH)
    agents.push(
      ...(await Promise.all(hosts.list.slice(at, at + BATCH).map((host, i) => start(host, at + i)))),
    );
  for (const { name, log } of agents)
    await waitUntil(`${name} sees all`, LIMIT_MS, () => namesIn(log(), JOINED).size >= MEMBERS - 1);
  await sleep(QUIET_MS);
  const half = MEMBERS / 2;
  const cutAt = performance.now();
  await hosts.partition(hosts.list.slice(half));
  const times = await Promise.all(
    agents.map(({ name, log }, i) => {
      const lost = agents.filter((_, other) => i < half !== other < half).map((agent) => agent.name);
      return waitUntil(`${name} has lost half`, LIMIT_MS, () => {
        const failed = namesIn(log(), FAILED);
        return lost.every((one) => failed.has(one)) && performance.now() - cutAt;
      });
    }),
  );
  await killProcesses();
  return times;
}

async function run(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'hearsay-cut-'));
  const hosts = await createNetnsHosts(MEMBERS);
  const [each, last]: [number[], number[]] = [[], []];
  for (let i = 0; i < RUNS; i++) {
    const times = await cutOnce(hosts, dir);
    each.push(...times);
    last.push(Math.max(...times));
  }
  await hosts.close();
  rmSync(dir, { recursive: true });
  const values = [median(each), percentile(each, 0.9), median(last), Math.max(...last)];
  heading(`${MEMBERS / 2} of ${MEMBERS} hosts cut off: seconds until an agent holds all of them as failed`);
  const row = [String(RUNS), ...values.map((value) => fixed(value / 1000, 1))];
  console.log(table([['cuts', 'agents: median', 'p90', 'all: median', 'worst'], row]));
  console.log(`\n${load()} at the end`);
}

await run();
