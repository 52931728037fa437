/**
 * Processes of a worker pool, at most one at each host: they do what their agents tell them, and write down what they hold and
 * when. They end with their agents, and forget what they had.
 */
import type { Millis } from '../../base/time.ts';
import type { PoolId, WorkerPartition } from '../../partitions/types.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';

/** The time of one worker with one partition. */
export interface Tenure {
  readonly host: string;
  readonly boot: number;
  readonly partition: number;
  readonly token: number;
  readonly from: Millis;
  /** `undefined`: it goes on, or its agent ended first. */
  to: Millis | undefined;
}

interface WorkerProcess {
  readonly session: string;
  readonly boot: number;
  readonly held: Map<number, Tenure>;
  /** What it was told to let go, by partition and token. */
  readonly releasing: Set<string>;
}

export class SimWorkers {
  readonly world: World;
  readonly tenures: Tenure[] = [];
  readonly #drawReleaseTime: () => Millis;
  readonly #listeners: ((begun: Tenure) => void)[] = [];
  readonly #processes = new Map<string, WorkerProcess>();
  #sessions = 0;

  /** `drawReleaseTime`: how long a worker goes on with a partition that it is told to let go; a millisecond by default. */
  constructor(world: World, drawReleaseTime: () => Millis = () => 1) {
    this.world = world;
    this.#drawReleaseTime = drawReleaseTime;
    world.subscribe({ onEffects: (host) => this.#follow(host) });
  }

  /** `listener` is called when a worker begins with a partition, before that is among the tenures. */
  onBegin(listener: (begun: Tenure) => void): void {
    this.#listeners.push(listener);
  }

  /** A process takes part, in place of the one that this host had. */
  start(label: string, pool: PoolId, worker: string): void {
    this.#stop(label);
    this.#sessions += 1;
    const session = `${label}-${this.#sessions}`;
    const boot = this.world.host(label).bootCount;
    this.#processes.set(label, { session, boot, held: new Map(), releasing: new Set() });
    this.world.command(label, { kind: 'attachWorker', pool, worker, session });
  }

  /** The process ends. `inOrder`: it has let go what it had; else its connection closes without a word. */
  end(label: string, inOrder: boolean): void {
    const process = this.#stop(label);
    if (process !== undefined)
      this.world.command(label, { kind: 'detachWorker', session: process.session, inOrder });
  }

  goesOn({ host: label, boot, to }: Tenure): boolean {
    const host = this.world.host(label);
    return to === undefined && host.running && host.bootCount === boot;
  }

  /** Whether a process takes part at this host. */
  runsAt({ label, running, bootCount }: SimHost): boolean {
    return running && this.#processes.get(label)?.boot === bootCount;
  }

  /** The hosts that hold each partition now. */
  allHolders(count: number): readonly (readonly string[])[] {
    const holders = Array.from({ length: count }, (): string[] => []);
    for (const tenure of this.tenures) if (this.goesOn(tenure)) holders[tenure.partition]?.push(tenure.host);
    return holders;
  }

  /** The host that holds each partition now. */
  holders(count: number): readonly (string | undefined)[] {
    return this.allHolders(count).map(([first]) => first);
  }

  #stop(label: string): WorkerProcess | undefined {
    const process = this.#processes.get(label);
    this.#processes.delete(label);
    for (const tenure of process?.held.values() ?? []) tenure.to ??= this.world.now;
    return process;
  }

  #follow(host: SimHost): void {
    const process = this.#processes.get(host.label);
    if (process === undefined || !host.running || host.bootCount !== process.boot) return;
    for (const told of host.runningAgent.view.partitions.worker(process.session) ?? [])
      if (told.releasing) this.#release(host, process, told);
      else if (process.held.get(told.partition)?.token !== told.token) this.#begin(host, process, told);
  }

  #begin(
    { label, bootCount }: SimHost,
    { held }: WorkerProcess,
    { partition, token }: WorkerPartition,
  ): void {
    const before = held.get(partition);
    if (before !== undefined) before.to ??= this.world.now;
    const { now: from } = this.world;
    const tenure: Tenure = { host: label, boot: bootCount, partition, token, from, to: undefined };
    for (const listener of this.#listeners) listener(tenure);
    held.set(partition, tenure);
    this.tenures.push(tenure);
  }

  #release({ label }: SimHost, process: WorkerProcess, { partition, token }: WorkerPartition): void {
    const key = `${partition} ${token}`;
    if (process.releasing.has(key)) return;
    process.releasing.add(key);
    const { session } = process;
    this.world.schedule(this.world.now + this.#drawReleaseTime(), () => {
      if (this.#processes.get(label) !== process || !this.world.host(label).running) return;
      const own = process.held.get(partition);
      if (own?.token === token) {
        own.to = this.world.now;
        process.held.delete(partition);
      }
      this.world.command(label, { kind: 'releasePartition', session, partition, token });
    });
  }
}
