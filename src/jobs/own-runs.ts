/** The runs of this agent: those that go on, and the latest ones that have ended, as it publishes them. */
import type { Millis } from '../base/time.ts';
import type { WallMillis } from '../model/job.ts';
import { MAX_PUBLISHED_RUNS } from './entries.ts';
import type { JobRun, RunnerRecord } from './types.ts';

/** A run that has not ended. */
export interface ActiveRun {
  readonly id: number;
  readonly job: string;
  run: JobRun;
  /** When it begins, for the first time or again; for one that runs, when its outcome is given up. */
  at: Millis;
  /** When the present attempt began. */
  startedAt: Millis;
}

const isActive = ({ state }: JobRun): boolean =>
  state === 'claimed' || state === 'running' || state === 'waiting';

export class OwnRuns {
  readonly #active = new Map<number, ActiveRun>();
  readonly #records = new Map<string, { runs: readonly JobRun[]; output: string }>();
  readonly #changed = new Set<string>();
  #nextId = 1;
  #revision = 0;

  /** After a restart: a claim was never begun, and what had begun is lost. */
  restore(records: readonly (readonly [string, RunnerRecord])[]): void {
    for (const [job, { runs, output }] of records) {
      const kept = runs
        .filter(({ state }) => state !== 'claimed')
        .map((run): JobRun => (isActive(run) ? { ...run, state: 'lost' } : run));
      this.#records.set(job, { runs: kept, output });
      this.#changed.add(job);
    }
  }

  /** Rises with every change. */
  get revision(): number {
    return this.#revision;
  }

  active(): Iterable<ActiveRun> {
    return this.#active.values();
  }

  find(job: string, tick: WallMillis): ActiveRun | undefined {
    for (const active of this.#active.values())
      if (active.job === job && active.run.tick === tick) return active;
    return undefined;
  }

  get(id: number): ActiveRun | undefined {
    return this.#active.get(id);
  }

  add(job: string, run: JobRun, at: Millis): ActiveRun {
    const active: ActiveRun = { id: this.#nextId, job, run, at, startedAt: at };
    this.#nextId += 1;
    this.#active.set(active.id, active);
    this.#write(job, run);
    return active;
  }

  update(active: ActiveRun, changes: Partial<JobRun>, output?: string): void {
    active.run = { ...active.run, ...changes };
    if (!isActive(active.run)) this.#active.delete(active.id);
    this.#write(active.job, active.run, output);
  }

  /** The claim is given up: this agent has nothing to do with the tick any more. */
  withdraw({ id, job, run }: ActiveRun): void {
    this.#active.delete(id);
    const record = this.#records.get(job);
    if (record !== undefined) record.runs = record.runs.filter(({ tick }) => tick !== run.tick);
    this.#touch(job);
  }

  /** The jobs whose record has changed since the last call. */
  consumeChanged(): readonly (readonly [job: string, record: RunnerRecord])[] {
    const changed = [...this.#changed].map((job) => [job, this.#records.get(job) ?? NO_RUNS] as const);
    this.#changed.clear();
    return changed;
  }

  /** As of now: later runs do not change it. */
  all(): readonly (readonly [job: string, record: RunnerRecord])[] {
    return [...this.#records].map(([job, record]) => [job, { ...record }]);
  }

  #write(job: string, run: JobRun, output?: string): void {
    const record = this.#records.get(job) ?? { runs: [], output: '' };
    const others = record.runs.filter(({ tick }) => tick !== run.tick);
    record.runs = prune([run, ...others].sort((a, b) => b.tick - a.tick));
    if (output !== undefined) record.output = output;
    this.#records.set(job, record);
    this.#touch(job);
  }

  #touch(job: string): void {
    this.#changed.add(job);
    this.#revision += 1;
  }
}

const NO_RUNS: RunnerRecord = { runs: [], output: '' };

/** Leaves the latest, and those that go on. */
function prune(runs: readonly JobRun[]): readonly JobRun[] {
  let excess = runs.length - MAX_PUBLISHED_RUNS;
  return [...runs]
    .reverse()
    .filter((run) => {
      if (excess <= 0 || isActive(run)) return true;
      excess -= 1;
      return false;
    })
    .reverse();
}
