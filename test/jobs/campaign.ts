/**
 * Real agents run a job each second while they are killed, stopped (SIGSTOP), drained and restarted, one after the other: each
 * tick must be run once, by the records that the runs themselves write. The first agent is left alone, so that one is well at
 * all times. The moments are drawn from a seed.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRng } from '../../src/base/rng.ts';
import { type HearsayProcess, runHearsay, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';

const DEEDS = ['kill', 'stop', 'drain', 'restart'] as const;
type Deed = (typeof DEEDS)[number];

export interface CampaignOptions {
  readonly hosts: number;
  /** The first three octets of the agents' loopback addresses. */
  readonly network: string;
  readonly seconds: number;
  readonly seed: number;
  /** An empty directory. */
  readonly dir: string;
  readonly log: (line: string) => void;
}

export interface CampaignReport {
  readonly ticks: number;
  readonly deeds: Readonly<Record<Deed, number>>;
  /** Ticks that were run more than once, and by none, with what ran them. */
  readonly uneven: readonly string[];
  /** How late ticks were begun, sorted, in milliseconds. */
  readonly delays: readonly number[];
  readonly runners: readonly string[];
}

/** One run, as its program wrote it down. */
interface RunLine {
  readonly tick: string;
  readonly node: string;
  readonly token: number;
  readonly begunAt: number;
}

/** A deed lasts for at least and at most so long; then all are left alone for a while. */
const SPAN_MS = [1000, 9000] as const;
const REST_MS = 1500;
/** The last ticks may have to be taken over from a machine that was declared dead. */
const LAST_TICKS_MS = 60_000;
const START_MS = 90_000;

export async function runJobsCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const cluster = new CampaignCluster(options);
  await cluster.boot();
  const from = Date.now();
  await cluster.disturb(from + options.seconds * 1000);
  const to = Date.now();
  const ticks: string[] = [];
  for (let tick = Math.ceil(from / 1000) * 1000; tick <= to; tick += 1000)
    ticks.push(new Date(tick).toISOString());
  const isRun = (tick: string): boolean => cluster.runs().some((run) => run.tick === tick);
  await waitUntil('no tick is missing', LAST_TICKS_MS, () => ticks.every(isRun)).catch(() => undefined);
  const runs = cluster.runs();
  const runsOf = (tick: string): readonly RunLine[] => runs.filter((run) => run.tick === tick);
  return {
    ticks: ticks.length,
    deeds: cluster.deeds,
    uneven: ticks
      .filter((tick) => runsOf(tick).length !== 1)
      .map(
        (tick) =>
          `${tick} ${
            runsOf(tick)
              .map(({ node, token, begunAt }) => `${node} ${token} +${begunAt - Date.parse(tick)}ms`)
              .join(', ') || 'never'
          }`,
      ),
    delays: ticks
      .flatMap((tick) => runsOf(tick).map(({ begunAt }) => begunAt - Date.parse(tick)))
      .sort((a, b) => a - b),
    runners: [...new Set(runs.map(({ node }) => node))].sort(),
  };
}

class CampaignCluster {
  readonly deeds: Record<Deed, number> = { kill: 0, stop: 0, drain: 0, restart: 0 };
  readonly #options: CampaignOptions;
  readonly #agents = new Map<number, HearsayProcess>();
  readonly #config: string;
  readonly #records: string;

  constructor(options: CampaignOptions) {
    const { dir } = options;
    this.#options = options;
    this.#config = join(dir, 'jobs.yaml');
    this.#records = join(dir, 'runs');
    mkdirSync(dir, { recursive: true });
    const record = `echo "$HEARSAY_JOB_TICK $HEARSAY_NODE $HEARSAY_JOB_TOKEN $(date +%s%3N)" >> ${this.#records}`;
    const job = { every: '1s', overlap: 'allow', run: ['/bin/sh', '-c', record] };
    writeFileSync(this.#config, JSON.stringify({ allowExecJobs: true, jobs: { beat: job } }));
    chmodSync(this.#config, 0o600);
  }

  runs(): readonly RunLine[] {
    if (!existsSync(this.#records)) return [];
    return readFileSync(this.#records, 'utf8')
      .trim()
      .split('\n')
      .map((line) => {
        const [tick = '', node = '', token, begunAt] = line.split(' ');
        return { tick, node, token: Number(token), begunAt: Number(begunAt) };
      });
  }

  async boot(): Promise<void> {
    const { hosts } = this.#options;
    await Promise.all(Array.from({ length: hosts }, (_, i) => this.#start(i + 1)));
    const runners = (): number => new Set(this.runs().map(({ node }) => node)).size;
    await waitUntil('all agents run ticks', START_MS, () => runners() === hosts);
  }

  /** All kinds occur equally often; who it is, and for how long, is drawn. */
  async disturb(until: number): Promise<void> {
    const { hosts, seed, log } = this.#options;
    const rng = createRng(seed);
    for (let i = 0; Date.now() < until; i++) {
      const deed = DEEDS[i % DEEDS.length] as Deed;
      const host = 2 + rng.int(hosts - 1);
      const span = SPAN_MS[0] + rng.int(SPAN_MS[1] - SPAN_MS[0]);
      log(`${new Date().toISOString()} ${deed} j${host} for ${span} ms`);
      this.deeds[deed] += 1;
      await this.#carryOut(deed, host, Math.min(span, Math.max(SPAN_MS[0], until - Date.now())));
      await sleep(REST_MS);
    }
  }

  async #carryOut(deed: Deed, host: number, span: number): Promise<void> {
    const agent = this.#agents.get(host);
    switch (deed) {
      case 'kill':
        await agent?.kill();
        await sleep(span);
        return this.#start(host);
      case 'restart':
        await agent?.leave();
        await sleep(span);
        return this.#start(host);
      case 'stop':
        agent?.child.kill('SIGSTOP');
        await sleep(span);
        agent?.child.kill('SIGCONT');
        return;
      case 'drain':
        await this.#maintain(host, 'on');
        await sleep(span);
        return this.#maintain(host, 'off');
    }
  }

  async #maintain(host: number, way: 'on' | 'off'): Promise<void> {
    const { code, stderr } = await runHearsay(['maint', way, '--http-addr', `http://${this.#ip(host)}:8500`]);
    if (code !== 0) throw new Error(`maint ${way} of j${host} ended with ${code}: ${stderr}`);
  }

  async #start(host: number): Promise<void> {
    const { dir } = this.#options;
    const agent = await startHearsay({
      ...{ name: `j${host}`, ip: this.#ip(host) },
      args: [
        ...['--config', this.#config, '--data-dir', join(dir, `d${host}`)],
        ...['--retry-join', this.#ip(host === 1 ? 2 : 1)],
      ],
    });
    this.#agents.set(host, agent);
  }

  #ip(host: number): string {
    return `${this.#options.network}.${host}`;
  }
}
