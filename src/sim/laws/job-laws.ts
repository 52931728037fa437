/**
 * I40 and I41 in the swarm. While faults last, two agents that none of them affects never run one tick at once. In the quiet
 * period, whatever was before it, each tick is begun once, in time, if an agent may run it.
 */
import type { Millis } from '../../base/time.ts';
import type { WallMillis } from '../../model/job.ts';
import type { SimHost } from '../world/host.ts';
import { JobObserver, type ObservedRun } from './jobs.ts';
import type { LawContext } from './law.ts';

export interface WatchedJob {
  readonly name: string;
  readonly every: Millis;
}

export interface JobLawOptions {
  readonly job: WatchedJob;
  /** No fault affects this host, and changes reach it as they should. */
  isHealthy(host: SimHost): boolean;
}

/** An agent that began last hears the catalog and compares clocks before it owns ticks. */
const SETTLE: Millis = 12_000;
/** A tick of the quiet period is begun this soon. */
const IN_TIME: Millis = 5000;
/** Clocks of agents that take part, if there are too few to compare, may not differ by more for a tick to be one. */
const SAME_CLOCK: Millis = 1000;

export class JobLaws {
  readonly #context: LawContext;
  readonly #options: JobLawOptions;
  readonly #observer: JobObserver;
  #reported = 0;

  constructor(context: LawContext, options: JobLawOptions) {
    this.#context = context;
    this.#options = options;
    const { world } = context;
    this.#observer = new JobObserver(world, (a, b) => {
      const areHealthy = options.isHealthy(world.host(a)) && options.isHealthy(world.host(b));
      if (areHealthy) context.judged('I40');
      return !areHealthy;
    });
    world.subscribe({ onJobRunStarted: () => this.#reportNew() });
  }

  #reportNew(): void {
    for (const what of this.#observer.atOnce.slice(this.#reported)) this.#context.reportViolation(what);
    this.#reported = this.#observer.atOnce.length;
  }

  /** All agree, and nothing happens while `quiet` passes: the ticks of that time are judged after it. */
  judgeQuietPeriod(quiet: () => void): void {
    const { world } = this.#context;
    const { job } = this.#options;
    const began = { at: world.now, wall: this.#wall() };
    quiet();
    const ended = { at: world.now, wall: this.#wall() };
    if (began.wall === undefined || ended.wall === undefined) return;
    // A clock that was set meanwhile tells nothing about which ticks there were.
    if (Math.abs(ended.wall - began.wall - (ended.at - began.at)) > SAME_CLOCK) return;
    const from = began.wall + SETTLE;
    for (
      let tick = Math.ceil(from / job.every) * job.every;
      tick <= ended.wall - IN_TIME;
      tick += job.every
    ) {
      this.#context.judged('I40');
      this.#context.judged('I41');
      this.#judgeTick(tick, ended.at - (ended.wall - tick));
    }
  }

  #judgeTick(tick: WallMillis, dueAt: Millis): void {
    const { name } = this.#options.job;
    const runs = this.#observer.runs.filter(
      (run) => run.job === name && run.tick === tick && run.attempt === 1,
    );
    const describe = ({ host, begunAt }: ObservedRun): string =>
      `${host} at +${Math.round(begunAt - dueAt)} ms`;
    if (runs.length > 1)
      this.#context.reportViolation(
        `I40 tick ${tick} of ${name} was run again: ${runs.map(describe).join(', ')}`,
      );
    if (!runs.some(({ begunAt }) => begunAt - dueAt <= IN_TIME))
      this.#context.reportViolation(
        `I41 tick ${tick} of ${name} was not run in time: ${runs.map(describe).join(', ') || 'never'}`,
      );
  }

  /** The clock by which the job goes; `undefined`: no agent may run it, or those that may have clocks of their own. */
  #wall(): WallMillis | undefined {
    const { world } = this.#context;
    const views = [...world.hosts].flatMap((host) => host.agent?.view ?? []);
    const eligible = new Set(views.flatMap((view) => view.jobs.get(this.#options.job.name)?.eligible ?? []));
    const walls = [...world.hosts].flatMap((host) =>
      host.running && eligible.has(host.name) ? [host.runningAgent.view.jobs.wall] : [],
    );
    if (walls.length === 0 || Math.max(...walls) - Math.min(...walls) > SAME_CLOCK) return undefined;
    return Math.min(...walls);
  }
}
