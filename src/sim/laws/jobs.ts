/**
 * Laws of jobs, watched from outside: I40, no tick is run by two agents at once that can reach each other; I41, no tick is
 * lost while an agent that may run it is well.
 */
import type { Millis } from '../../base/time.ts';
import type { RunRequest } from '../../jobs/types.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';

/** One run as its host saw it. */
export interface ObservedRun {
  readonly host: string;
  readonly boot: number;
  readonly job: string;
  readonly tick: number;
  readonly attempt: number;
  readonly token: number;
  readonly begunAt: Millis;
  /** `undefined`: it goes on, or its process ended first. */
  endedAt: Millis | undefined;
}

const keyOf = ({ job, tick }: Pick<ObservedRun, 'job' | 'tick'>): string => `${job} ${tick}`;

export class JobObserver {
  readonly runs: ObservedRun[] = [];
  /** Runs of one tick that went on at once, at hosts that were not kept apart. */
  readonly atOnce: string[] = [];
  readonly #world: World;
  readonly #areApart: (a: string, b: string) => boolean;
  readonly #byTick = new Map<string, ObservedRun[]>();

  /** `areApart`: a fault kept these two from hearing each other, or the failure detector from judging rightly. */
  constructor(world: World, areApart: (a: string, b: string) => boolean) {
    this.#world = world;
    this.#areApart = areApart;
    world.subscribe({
      onJobRunStarted: (host, run) => this.#onStarted(host, run),
      onJobRunFinished: (host, run) => this.#onFinished(host, run),
    });
  }

  /** How often each tick of a job in [from, to] was begun, by the first attempt or as if it were the first. */
  countByTick(
    job: string,
    { from, to, every }: { readonly from: number; readonly to: number; readonly every: number },
  ): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    for (let tick = Math.ceil(from / every) * every; tick <= to; tick += every)
      counts.set(tick, this.#byTick.get(keyOf({ job, tick }))?.length ?? 0);
    return counts;
  }

  #onStarted(host: SimHost, { job, tick, attempt, token }: RunRequest): void {
    const run: ObservedRun = {
      ...{ host: host.label, boot: host.bootCount, job, tick, attempt, token },
      ...{ begunAt: this.#world.now, endedAt: undefined },
    };
    const others = this.#byTick.get(keyOf(run)) ?? [];
    for (const other of others)
      if (this.#goesOn(other) && !this.#areApart(other.host, run.host))
        this.atOnce.push(`I40 tick ${tick} of ${job} is begun by ${run.host} while ${other.host} runs it`);
    this.#byTick.set(keyOf(run), [...others, run]);
    this.runs.push(run);
  }

  #onFinished(host: SimHost, { job, tick, attempt }: RunRequest): void {
    const run = this.#byTick
      .get(keyOf({ job, tick }))
      ?.find((one) => one.host === host.label && one.attempt === attempt && one.endedAt === undefined);
    if (run !== undefined) run.endedAt = this.#world.now;
  }

  #goesOn({ host: label, boot, endedAt }: ObservedRun): boolean {
    const host = this.#world.host(label);
    return endedAt === undefined && host.running && host.bootCount === boot;
  }
}
