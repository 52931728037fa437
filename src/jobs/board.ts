/**
 * What this agent knows of all jobs: what each agent has published of definitions, orders and runs, and a memory of the
 * latest ticks, which outlives the ledger of a runner that has forgotten them.
 */
import type { EntryChange } from '../catalog/types.ts';
import type { JobDefinition, WallMillis } from '../model/job.ts';
import { isSameJob } from '../model/job-limits.ts';
import type { EntryKey } from '../model/service.ts';
import {
  decodeAgent,
  decodeDefinition,
  decodeJobClock,
  decodeOrders,
  decodeRuns,
  MAX_PUBLISHED_RUNS,
  parseJobKey,
} from './entries.ts';
import type { JobAgent, JobClock, JobOrders, JobRun, RunnerRecord, SeenRun } from './types.ts';

/** Ticks of one job that are remembered. */
const MAX_TICKS = 512;
/** Jobs that are known, so that no peer fills the memory. */
const MAX_JOBS = 1024;

/** The runs of one tick, by their runner. */
export type TickRuns = ReadonlyMap<string, RememberedRun>;

export interface RememberedRun {
  readonly run: JobRun;
  /** Its runner does not publish it any more, though it is new enough. */
  readonly forgotten: boolean;
  /** Newer runs have pushed it out of its runner's record, so it has ended, whatever was heard of it last. */
  readonly ended: boolean;
}

/** One job: what is published of it. */
export class BoardJob {
  readonly #definitions = new Map<string, JobDefinition>();
  readonly orders = new Map<string, JobOrders>();
  readonly records = new Map<string, RunnerRecord>();
  readonly ticks = new Map<WallMillis, Map<string, RememberedRun>>();
  highestToken = 0;
  /** Each packet asks for these, for every job that it is about. */
  #definition: JobDefinition | undefined;
  #owners: readonly string[] = [];

  get definitions(): ReadonlyMap<string, JobDefinition> {
    return this.#definitions;
  }

  /** The definition that counts: the latest one, and of two of one time that of the greater name. */
  get definition(): JobDefinition | undefined {
    return this.#definition;
  }

  /** The owners of the definition that counts, in the order of their names. */
  get owners(): readonly string[] {
    return this.#owners;
  }

  setDefinition(owner: string, one: JobDefinition | undefined): void {
    put(this.#definitions, owner, one);
    this.#definition = this.#latestDefinition();
    this.#owners = [...this.#definitions]
      .flatMap(([node, other]) => (this.#definition && isSameJob(other, this.#definition) ? [node] : []))
      .sort();
  }

  #latestDefinition(): JobDefinition | undefined {
    let best: { readonly owner: string; readonly definition: JobDefinition } | undefined;
    for (const [owner, definition] of this.#definitions)
      if (
        best === undefined ||
        definition.registeredAt > best.definition.registeredAt ||
        (definition.registeredAt === best.definition.registeredAt && owner > best.owner)
      )
        best = { owner, definition };
    return best?.definition;
  }

  /** Since when the job is as it is now. */
  get since(): WallMillis {
    return Math.min(...this.#owners.map((owner) => this.#definitions.get(owner)?.registeredAt ?? 0));
  }

  get paused(): boolean {
    return this.#latestOrders?.paused ?? false;
  }

  /** When the last pause ended; 0: there was none, or it goes on. */
  get resumedAt(): WallMillis {
    const latest = this.#latestOrders;
    return latest === undefined || latest.paused ? 0 : latest.pausedAt;
  }

  get #latestOrders(): JobOrders | undefined {
    let latest: JobOrders | undefined;
    for (const orders of this.orders.values())
      if (latest === undefined || orders.pausedAt > latest.pausedAt) latest = orders;
    return latest;
  }

  /** The ticks that were ordered. */
  get ordered(): readonly WallMillis[] {
    return [...new Set([...this.orders.values()].map(({ runAt }) => runAt))].filter((at) => at > 0);
  }

  runsOf(tick: WallMillis): TickRuns {
    return this.ticks.get(tick) ?? NO_RUNS;
  }

  /** The latest tick first. */
  latestRuns(limit: number): readonly SeenRun[] {
    return [...this.ticks.values()]
      .flatMap((runs) => [...runs].map(([node, { run }]) => ({ node, run })))
      .sort((a, b) => b.run.tick - a.run.tick || b.run.claimedAt - a.run.claimedAt)
      .slice(0, limit);
  }

  /** Returns the claims that are new. */
  setRecord(node: string, record: RunnerRecord | undefined): readonly JobRun[] {
    const before = this.records.get(node);
    if (record === undefined) this.records.delete(node);
    else this.records.set(node, record);
    for (const { tick } of before?.runs ?? []) {
      if (record?.runs.some((run) => run.tick === tick) === true) continue;
      const ended = isPushedOut(record, tick);
      const runs = this.ticks.get(tick);
      const known = runs?.get(node);
      if (known !== undefined) runs?.set(node, { ...known, ended, forgotten: !ended });
    }
    const isNew = ({ tick, state }: JobRun): boolean =>
      state === 'claimed' && this.ticks.get(tick)?.get(node) === undefined;
    const claims = (record?.runs ?? []).filter(isNew);
    for (const run of record?.runs ?? []) this.#remember(node, run);
    return claims;
  }

  #remember(node: string, run: JobRun): void {
    let runs = this.ticks.get(run.tick);
    if (runs === undefined) {
      runs = new Map();
      this.ticks.set(run.tick, runs);
      if (this.ticks.size > MAX_TICKS) this.ticks.delete(Math.min(...this.ticks.keys()));
    }
    runs.set(node, { run, forgotten: false, ended: false });
    this.highestToken = Math.max(this.highestToken, run.token);
  }
}

/** A full record holds the latest runs, and those that go on: an old one that is missing was pushed out by newer ones. */
const isPushedOut = (record: RunnerRecord | undefined, tick: WallMillis): boolean =>
  record !== undefined &&
  record.runs.length >= MAX_PUBLISHED_RUNS &&
  record.runs.every((run) => run.tick > tick);

const NO_RUNS: TickRuns = new Map();

export class Board {
  readonly jobs = new Map<string, BoardJob>();
  readonly agents = new Map<string, JobAgent>();
  readonly clocks = new Map<string, JobClock>();

  #names: readonly string[] = [];

  /** Names of the jobs that have a definition, sorted. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** To be called when entries of jobs have changed in an owner's ledger. Returns its claims that are new. */
  apply(owner: string, changes: readonly EntryChange[]): readonly JobRun[] {
    return changes.flatMap(({ key, after }) => this.#apply(owner, key, after) ?? []);
  }

  #apply(owner: string, key: EntryKey, after: EntryChange['after']): readonly JobRun[] | undefined {
    const parsed = parseJobKey(key);
    if (parsed === undefined) return undefined;
    const check = after?.kind === 'check' ? after : undefined;
    if (parsed.kind === 'agent') return put(this.agents, owner, check && decodeAgent(check));
    if (parsed.kind === 'clock') return put(this.clocks, owner, check && decodeJobClock(check));
    const job = this.jobs.get(parsed.job) ?? (check === undefined ? undefined : this.#create(parsed.job));
    if (job === undefined) return undefined;
    if (parsed.kind === 'definition') {
      job.setDefinition(owner, check && decodeDefinition(parsed.job, check));
      this.#names = [...this.jobs]
        .flatMap(([name, one]) => (one.definition === undefined ? [] : [name]))
        .sort();
      return undefined;
    }
    if (parsed.kind === 'orders') return put(job.orders, owner, check && decodeOrders(check));
    return job.setRecord(owner, check && decodeRuns(check));
  }

  #create(name: string): BoardJob | undefined {
    if (this.jobs.size >= MAX_JOBS) this.#dropUndefined();
    if (this.jobs.size >= MAX_JOBS) return undefined;
    const job = new BoardJob();
    this.jobs.set(name, job);
    return job;
  }

  #dropUndefined(): void {
    for (const [name, { definitions, records }] of this.jobs)
      if (definitions.size === 0 && records.size === 0) this.jobs.delete(name);
  }
}

function put<V>(map: Map<string, V>, key: string, value: V | undefined): undefined {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
  return undefined;
}
