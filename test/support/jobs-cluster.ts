/**
 * Agents that have nothing but jobs, with ledgers that reach each other after drawn delays, a failure detector that takes
 * its time, and the runs as those who ran them saw them.
 */
import { createRng, type Rng } from '../../src/base/rng.ts';
import type { EntryChange } from '../../src/catalog/types.ts';
import { Jobs } from '../../src/jobs/jobs.ts';
import type { JobEffect, JobFact, JobsSnapshot, JobWorld, RunRequest } from '../../src/jobs/types.ts';
import type { JobDefinition } from '../../src/model/job.ts';
import { type EntryKey, type Published, toEntryKey } from '../../src/model/service.ts';

export const STEP = 20;
export const SPREAD = 500;
/** The wall clock at time 0. */
export const EPOCH = 1_800_000_000_000;

type LedgerCopy = {
  epoch: number;
  versions: Map<EntryKey, { version: number; value: Published | undefined }>;
};

interface Message {
  readonly at: number;
  readonly to: string;
  readonly owner: string;
  readonly epoch: number;
  readonly rows: readonly (readonly [EntryKey, { version: number; value: Published | undefined }])[];
}

export interface RunRecordSeen {
  readonly tick: number;
  readonly node: string;
  readonly token: number;
  readonly attempt: number;
  readonly begun: number;
  ended: number;
  died: boolean;
}

export interface ClusterNode {
  readonly name: string;
  jobs: Jobs;
  up: boolean;
  drained: boolean;
  /** Which agents it can talk to. */
  side: number;
  epoch: number;
  /** What its disk has. */
  saved: JobsSnapshot | undefined;
  downSince: number;
  upSince: number;
  readonly own: Map<EntryKey, { version: number; value: Published | undefined }>;
  readonly copies: Map<string, LedgerCopy>;
  running: { readonly request: RunRequest; readonly endsAt: number; readonly seen: RunRecordSeen }[];
  offset: number;
  /** Stopped as by SIGSTOP: it does nothing, and is not dead before the detector says so. */
  frozen: boolean;
}

export interface ClusterOptions {
  readonly seed: number;
  readonly size: number;
  /** Milliseconds until a dead agent is held dead. */
  readonly detection?: number;
  readonly duration?: (rng: Rng) => number;
  readonly succeeds?: (request: RunRequest, rng: Rng) => boolean;
  readonly maxDelay?: number;
}

export class JobsCluster {
  now = 0;
  readonly nodes: ClusterNode[] = [];
  readonly runs: RunRecordSeen[] = [];
  readonly facts: { readonly at: number; readonly node: string; readonly fact: JobFact }[] = [];
  readonly rng: Rng;
  readonly #options: ClusterOptions;
  #messages: Message[] = [];
  /** How far an agent thinks that its clock is ahead of the others'; absent: it cannot tell. */
  clockOffset: ((node: ClusterNode) => number) | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.rng = createRng(options.seed);
    for (let i = 0; i < options.size; i++) {
      const name = `n${i}`;
      this.nodes.push({
        ...{ name, jobs: new Jobs({ self: name, now: 0 }), up: true, drained: false, side: 0, epoch: 1 },
        ...{ saved: undefined, downSince: 0, upSince: 0, own: new Map(), copies: new Map(), running: [] },
        ...{ offset: 0, frozen: false },
      });
    }
  }

  node(name: string): ClusterNode {
    const found = this.nodes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  }

  wall(node: ClusterNode): number {
    return EPOCH + this.now + node.offset;
  }

  register(name: string, definition: JobDefinition, argv?: readonly string[]): void {
    const node = this.node(name);
    node.jobs.own.register(definition, argv);
    node.jobs.wake(this.now);
  }

  crash(name: string): void {
    const node = this.node(name);
    node.up = false;
    node.downSince = this.now;
    for (const { seen } of node.running) {
      seen.ended = this.now;
      seen.died = true;
    }
    node.running = [];
  }

  /** `remembers`: it has a data directory, which is as of its last publication. */
  restart(name: string, remembers: boolean): void {
    const node = this.node(name);
    const snapshot = remembers ? node.saved : undefined;
    node.jobs = new Jobs({ self: name, now: this.now, ...(snapshot === undefined ? {} : { snapshot }) });
    node.up = true;
    node.upSince = this.now;
    node.epoch += 1;
    node.own.clear();
    node.copies.clear();
    this.#send(node, []);
    for (const other of this.nodes)
      if (other !== node && other.up)
        this.#messages.push({
          ...{ at: this.now + 100 + this.rng.int(400), to: name, owner: other.name, epoch: other.epoch },
          rows: [...other.own],
        });
  }

  split(left: readonly string[]): void {
    for (const node of this.nodes) node.side = left.includes(node.name) ? 1 : 0;
    this.#splitAt = this.now;
  }

  heal(): void {
    for (const node of this.nodes) node.side = 0;
    this.#splitAt = undefined;
    for (const node of this.nodes) if (node.up) this.#send(node, [...node.own]);
  }
  #splitAt: number | undefined;

  run(duration: number, onStep?: () => void): void {
    for (const end = this.now + duration; this.now < end; ) {
      this.now += STEP;
      this.#deliver();
      for (const node of this.nodes) if (node.up && !node.frozen) this.#step(node);
      onStep?.();
    }
  }

  #step(node: ClusterNode): void {
    for (const { request, endsAt, seen } of [...node.running]) {
      if (endsAt > this.now) continue;
      node.running = node.running.filter((one) => one.request !== request);
      seen.ended = this.now;
      const ok = this.#options.succeeds?.(request, this.rng) ?? true;
      const out: JobEffect[] = [];
      const outcome = { id: request.id, ok, timedOut: false, exit: ok ? 0 : 1, output: `${request.tick}` };
      node.jobs.onFinished(outcome, this.now, this.wall(node), out);
      this.#perform(node, out);
    }
    if (node.jobs.deadline > this.now) return;
    const out: JobEffect[] = [];
    node.jobs.advance(this.now, this.world(node), out);
    this.#perform(node, out);
  }

  world(viewer: ClusterNode): JobWorld {
    return {
      wall: this.wall(viewer),
      spread: SPREAD,
      clockOffset: this.clockOffset?.(viewer),
      eligible: (_, agents) =>
        agents.filter(
          (name) => !this.node(name).drained && (name === viewer.name || !this.#isGone(viewer, name)),
        ),
      reasonAgainst: (_, name) => (this.node(name).drained ? 'was draining' : 'had failed'),
      isGone: (name) => name !== viewer.name && this.#isGone(viewer, name),
    };
  }

  #isGone(viewer: ClusterNode, name: string): boolean {
    const { detection = 3000 } = this.#options;
    const node = this.node(name);
    if (node.side !== viewer.side) return this.#splitAt !== undefined && this.now - this.#splitAt > detection;
    return !node.up && this.now - node.downSince > detection;
  }

  #perform(node: ClusterNode, effects: readonly JobEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'fact') this.facts.push({ at: this.now, node: node.name, fact: effect.fact });
      else if (effect.kind === 'start') this.#begin(node, effect.run);
      else {
        const rows = effect.changes.map((change) => {
          const key = 'put' in change ? toEntryKey(change.put) : change.remove;
          const row = {
            version: (node.own.get(key)?.version ?? 0) + 1,
            value: 'put' in change ? change.put : undefined,
          };
          node.own.set(key, row);
          return [key, row] as const;
        });
        this.#apply(
          node,
          node.name,
          rows.map(([key, { value }]) => ({ key, before: undefined, after: value })),
        );
        this.#send(node, rows);
        node.saved = node.jobs.snapshot();
      }
    }
  }

  #begin(node: ClusterNode, request: RunRequest): void {
    const { tick, token, attempt } = request;
    const seen = {
      tick,
      node: node.name,
      token,
      attempt,
      begun: this.now,
      ended: Number.POSITIVE_INFINITY,
      died: false,
    };
    this.runs.push(seen);
    const duration = this.#options.duration?.(this.rng) ?? 200;
    node.running.push({ request, endsAt: this.now + duration, seen });
  }

  #send(node: ClusterNode, rows: Message['rows']): void {
    const { maxDelay = 300 } = this.#options;
    for (const other of this.nodes)
      if (other !== node)
        this.#messages.push({
          ...{ at: this.now + 20 + this.rng.int(maxDelay), to: other.name, owner: node.name },
          ...{ epoch: node.epoch, rows },
        });
  }

  #deliver(): void {
    const due = this.#messages.filter(({ at }) => at <= this.now);
    this.#messages = this.#messages.filter(({ at }) => at > this.now);
    for (const { to, owner, epoch, rows } of due) {
      const node = this.node(to);
      if (!node.up || node.side !== this.node(owner).side) continue;
      const changes: EntryChange[] = [];
      let copy = node.copies.get(owner);
      if (copy === undefined || copy.epoch < epoch) {
        for (const key of copy?.versions.keys() ?? [])
          changes.push({ key, before: undefined, after: undefined });
        copy = { epoch, versions: new Map() };
        node.copies.set(owner, copy);
      }
      if (copy.epoch > epoch) continue;
      for (const [key, row] of rows) {
        if ((copy.versions.get(key)?.version ?? 0) >= row.version) continue;
        copy.versions.set(key, row);
        changes.push({ key, before: undefined, after: row.value });
      }
      this.#apply(node, owner, changes);
    }
  }

  #apply(node: ClusterNode, owner: string, changes: readonly EntryChange[]): void {
    node.jobs.applyEntries(owner, changes, this.now);
  }
}

export const everySecond = (changes: Partial<JobDefinition> = {}): JobDefinition => ({
  ...{ name: 'sweep', schedule: { kind: 'every', every: 1000 }, place: {}, timeout: 10_000, retries: 0 },
  ...{ overlap: 'skip', jitter: 0, catchUp: 'one', quorum: 1 },
  ...{ action: { kind: 'post', url: 'http://127.0.0.1/' }, registeredAt: EPOCH },
  ...changes,
});

/** How often each tick was begun, from one time of the wall clock to another. */
export function countByTick(
  cluster: JobsCluster,
  from: number,
  to: number,
  every = 1000,
): Map<number, number> {
  const counts = new Map<number, number>();
  for (let tick = Math.ceil(from / every) * every; tick <= to; tick += every) counts.set(tick, 0);
  for (const { tick } of cluster.runs) if (counts.has(tick)) counts.set(tick, (counts.get(tick) ?? 0) + 1);
  return counts;
}

/** Ticks of which two runs went on at once. */
export function runTwiceAtOnce(
  runs: readonly RunRecordSeen[],
  sideOf: (node: string) => unknown = () => 0,
): number[] {
  const twice: number[] = [];
  for (const a of runs)
    for (const b of runs)
      if (
        a !== b &&
        a.tick === b.tick &&
        sideOf(a.node) === sideOf(b.node) &&
        a.begun <= b.begun &&
        b.begun < a.ended
      )
        twice.push(a.tick);
  return twice;
}
