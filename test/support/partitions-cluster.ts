/**
 * Agents that have nothing but worker pools, with ledgers that reach each other after drawn delays, a failure detector that
 * takes its time, and the partitions as the workers themselves see them.
 */
import { createRng, type Rng } from '../../src/base/rng.ts';
import { type EntryKey, type Published, toEntryKey } from '../../src/model/service.ts';
import { Partitions } from '../../src/partitions/partitions.ts';
import type {
  PartitionEffect,
  PartitionFact,
  PartitionWorld,
  PoolId,
  WorkerId,
} from '../../src/partitions/types.ts';

export const STEP = 20;
export const SPREAD = 500;
export const EPOCH = 1_800_000_000_000;

type Row = { readonly version: number; readonly value: Published | undefined };

interface Message {
  readonly at: number;
  readonly to: string;
  readonly owner: string;
  readonly epoch: number;
  readonly rows: readonly (readonly [EntryKey, Row])[];
}

/** One worker's time with a partition, by its own record. */
export interface Tenure {
  readonly partition: number;
  readonly worker: string;
  readonly node: string;
  readonly token: number;
  readonly from: number;
  to: number;
  /** It was told that another one may have it. */
  lost: boolean;
}

interface Process {
  readonly id: string;
  readonly session: string;
  readonly tenures: Map<number, Tenure>;
  /** Partitions that it is letting go, and when it has. */
  readonly releasing: Map<number, number>;
}

export interface PoolNode {
  readonly name: string;
  partitions: Partitions;
  up: boolean;
  /** Stopped as by SIGSTOP, with its workers. */
  frozen: boolean;
  side: number;
  epoch: number;
  downSince: number;
  /** The names of those that it holds as gone. */
  gone: string;
  readonly draining: Set<string>;
  readonly own: Map<EntryKey, Row>;
  readonly copies: Map<string, { epoch: number; versions: Map<EntryKey, Row> }>;
  processes: Process[];
}

export interface PoolClusterOptions {
  readonly seed: number;
  readonly size: number;
  readonly count: number;
  readonly detection?: number;
  readonly maxDelay?: number;
  /** How long a worker takes to let a partition go. */
  readonly releaseTime?: (rng: Rng) => number;
}

export class PoolCluster {
  now = 0;
  readonly nodes: PoolNode[] = [];
  readonly tenures: Tenure[] = [];
  readonly facts: { readonly at: number; readonly node: string; readonly fact: PartitionFact }[] = [];
  readonly rng: Rng;
  readonly pool: PoolId;
  readonly #options: PoolClusterOptions;
  #messages: Message[] = [];
  #splitAt: number | undefined;
  #sessions = 0;

  constructor(options: PoolClusterOptions) {
    this.#options = options;
    this.pool = { service: 'work', count: options.count };
    this.rng = createRng(options.seed);
    for (let i = 0; i < options.size; i++) {
      const name = `n${i}`;
      this.nodes.push({
        ...{ name, partitions: new Partitions(name, 0), up: true, frozen: false, side: 0, epoch: 1 },
        ...{ downSince: 0, gone: '', draining: new Set(), own: new Map(), copies: new Map(), processes: [] },
      });
    }
  }

  node(name: string): PoolNode {
    const found = this.nodes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  }

  /** A process takes part, in place of an earlier one of this ID. */
  attach(name: string, id = `${name}-w`, quorum = 1): void {
    const node = this.node(name);
    this.#sessions += 1;
    const session = `s${this.#sessions}`;
    for (const one of node.processes) if (one.id === id) this.#end(one);
    node.processes = node.processes.filter((one) => one.id !== id);
    node.processes.push({ id, session, tenures: new Map(), releasing: new Map() });
    const out: PartitionEffect[] = [];
    node.partitions.attach(this.pool, { worker: id, session, quorum }, this.now, out);
    this.#perform(node, out);
  }

  /** The worker's process ends without a word; its agent finds the connection closed. */
  killWorker(name: string, id = `${name}-w`): void {
    const node = this.node(name);
    for (const one of node.processes.filter((process) => process.id === id)) {
      this.#end(one);
      const out: PartitionEffect[] = [];
      node.partitions.detach(one.session, false, this.now, out);
      this.#perform(node, out);
    }
    node.processes = node.processes.filter((one) => one.id !== id);
  }

  drain(name: string, on: boolean, id = `${name}-w`): void {
    const { draining } = this.node(name);
    if (on) draining.add(id);
    else draining.delete(id);
    for (const node of this.nodes) node.partitions.onServiceChanged(this.pool.service, this.now);
  }

  /** The agent dies; the workers find their connection closed, and stop. */
  crash(name: string): void {
    const node = this.node(name);
    node.up = false;
    node.downSince = this.now;
    for (const process of node.processes) this.#end(process);
    node.processes = [];
  }

  restart(name: string): void {
    const node = this.node(name);
    node.partitions = new Partitions(name, this.now);
    node.up = true;
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
    this.#sync();
  }

  heal(): void {
    for (const node of this.nodes) node.side = 0;
    this.#splitAt = undefined;
    this.#sync();
  }

  /** Whoever was on another side before has missed something. */
  #sync(): void {
    for (const node of this.nodes) if (node.up) this.#send(node, [...node.own]);
  }

  run(duration: number): void {
    for (const end = this.now + duration; this.now < end; ) {
      this.now += STEP;
      this.#deliver();
      for (const node of this.nodes) if (node.up && !node.frozen) this.#step(node);
    }
  }

  /** Who has each partition now, by the workers' own record. */
  holders(): readonly (string | undefined)[] {
    return Array.from({ length: this.pool.count }, (_, partition) =>
      this.tenures
        .filter((one) => one.partition === partition && one.to === Number.POSITIVE_INFINITY)
        .map(({ worker }) => worker)
        .join('+'),
    ).map((one) => (one === '' ? undefined : one));
  }

  world(viewer: PoolNode): PartitionWorld {
    return {
      wall: EPOCH + this.now,
      spread: SPREAD,
      isUsable: (_, { node, id }: WorkerId) => !this.node(node).draining.has(id),
      reasonAgainst: (_, { node, id }: WorkerId) =>
        this.node(node).draining.has(id) ? 'was draining' : this.node(node).up ? undefined : 'had failed',
      isGone: (name) => name !== viewer.name && this.#isGone(viewer, name),
    };
  }

  #isGone(viewer: PoolNode, name: string): boolean {
    const { detection = 3000 } = this.#options;
    const node = this.node(name);
    if (node.side !== viewer.side) return this.#splitAt !== undefined && this.now - this.#splitAt > detection;
    return !node.up && this.now - node.downSince > detection;
  }

  #end(process: Process): void {
    for (const tenure of process.tenures.values()) tenure.to = this.now;
  }

  #step(node: PoolNode): void {
    // The failure detector of real agents wakes them, and nothing else does.
    const gone = this.nodes.filter(({ name }) => name !== node.name && this.#isGone(node, name));
    const key = gone.map(({ name }) => name).join(' ');
    if (key !== node.gone) node.partitions.wake(this.now);
    node.gone = key;
    const out: PartitionEffect[] = [];
    if (node.partitions.deadline <= this.now) node.partitions.advance(this.now, this.world(node), out);
    this.#perform(node, out);
    for (const process of node.processes) this.#stepProcess(node, process);
  }

  /** A worker does what its agent tells it. */
  #stepProcess(node: PoolNode, { id, session, tenures, releasing }: Process): void {
    for (const told of node.partitions.worker(session) ?? []) {
      const { partition, token } = told;
      const known = tenures.get(partition);
      if (known === undefined && !told.releasing) {
        const tenure = {
          ...{ partition, worker: id, node: node.name, token },
          ...{ from: this.now, to: Number.POSITIVE_INFINITY, lost: false },
        };
        tenures.set(partition, tenure);
        this.tenures.push(tenure);
      }
      if (told.releasing && !releasing.has(partition))
        releasing.set(partition, this.now + (this.#options.releaseTime?.(this.rng) ?? 0));
      if (told.lost && known !== undefined) known.lost = true;
      if (this.now < (releasing.get(partition) ?? Number.POSITIVE_INFINITY)) continue;
      if (known !== undefined) known.to = this.now;
      tenures.delete(partition);
      releasing.delete(partition);
      node.partitions.release(session, partition, token, this.now);
    }
  }

  #perform(node: PoolNode, effects: readonly PartitionEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'fact') {
        this.facts.push({ at: this.now, node: node.name, fact: effect.fact });
        continue;
      }
      // As ledgers publish: what is there before what is gone.
      const changes = [...effect.changes].sort((a, b) => Number('remove' in a) - Number('remove' in b));
      const rows = changes.map((change) => {
        const key = 'put' in change ? toEntryKey(change.put) : change.remove;
        const version = (node.own.get(key)?.version ?? 0) + 1;
        const row = { version, value: 'put' in change ? change.put : undefined };
        node.own.set(key, row);
        return [key, row] as const;
      });
      const own = rows.map(([key, { value: after }]) => ({ key, before: undefined, after }));
      node.partitions.applyEntries(node.name, own, this.now, this.world(node));
      this.#send(node, rows);
    }
  }

  #send(node: PoolNode, rows: Message['rows']): void {
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
    if (due.length === 0) return;
    this.#messages = this.#messages.filter(({ at }) => at > this.now);
    for (const { to, owner, epoch, rows } of due) {
      const node = this.node(to);
      if (!node.up || node.side !== this.node(owner).side) continue;
      let copy = node.copies.get(owner);
      if (copy === undefined || copy.epoch < epoch) {
        const gone = [...(copy?.versions.keys() ?? [])];
        node.partitions.applyEntries(
          owner,
          gone.map((key) => ({ key, before: undefined, after: undefined })),
          this.now,
          this.world(node),
        );
        copy = { epoch, versions: new Map() };
        node.copies.set(owner, copy);
      }
      if (copy.epoch > epoch) continue;
      for (const [key, row] of rows) {
        if ((copy.versions.get(key)?.version ?? 0) >= row.version) continue;
        copy.versions.set(key, row);
        const change = { key, before: undefined, after: row.value };
        node.partitions.applyEntries(owner, [change], this.now, this.world(node));
      }
    }
  }
}

/** Pairs of workers that had one partition at once, on one side, without that either was held dead. */
export function heldAtOnce(
  tenures: readonly Tenure[],
  areApart: (a: Tenure, b: Tenure) => boolean = () => false,
): string[] {
  const found: string[] = [];
  for (const a of tenures)
    for (const b of tenures)
      if (a !== b && a.partition === b.partition && a.from <= b.from && b.from < a.to && !areApart(a, b))
        found.push(`${a.partition}: ${a.worker} from ${a.from} to ${a.to}, ${b.worker} from ${b.from}`);
  return found;
}

/** Tenures that began with a token that is no higher than that of an earlier one. */
export const tokensThatFell = (tenures: readonly Tenure[]): string[] =>
  tenures.flatMap((b) =>
    tenures.some((a) => a.partition === b.partition && a.from < b.from && a.token >= b.token)
      ? [`${b.partition}: ${b.worker} from ${b.from} has ${b.token}`]
      : [],
  );
