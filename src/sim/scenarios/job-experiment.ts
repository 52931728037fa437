/**
 * What jobs promise, measured for `hearsay simulate --jobs`: agents as they are run a job each second while one kind of
 * fault occurs again and again, and each tick is counted by the runs themselves.
 */
import { createAgent } from '../../agent/agent.ts';
import type { Millis } from '../../base/time.ts';
import { type SerfConfig, type SwimConfig, serfSection, swimSection } from '../../config/protocol.ts';
import { withDefaults } from '../../config/setting.ts';
import type { JobDefinition } from '../../model/job.ts';
import { JobObserver } from '../laws/jobs.ts';
import { joinOthers } from '../world/bootstrap.ts';
import { World } from '../world/world.ts';

/**
 * `none`: nothing goes wrong. `clocks`: wall clocks differ by up to half a spread time. `restart`: a process ends, and begins again
 * some seconds later. `crash`: a machine loses power for a while. `drain`: an agent is in maintenance for a while. `pause`: a process
 * is suspended. `loss`: a tenth of the datagrams. `partition`: two agents are cut off for a while. `all`: any of them.
 */
export const JOB_FAULTS = [
  'none',
  'clocks',
  'restart',
  'crash',
  'drain',
  'pause',
  'loss',
  'partition',
  'all',
] as const;
export type JobFault = (typeof JOB_FAULTS)[number];

export interface JobExperimentOptions {
  readonly seed: number;
  readonly members: number;
  readonly duration: Millis;
  readonly fault: JobFault;
  /** How many jobs there are, each with a tick each second; 1 if absent. */
  readonly jobs?: number;
}

export interface JobExperimentResult {
  readonly ticks: number;
  /** Ticks that were begun once, by several agents one after the other, by two at once, and by none. */
  readonly once: number;
  readonly repeated: number;
  readonly atOnce: readonly string[];
  readonly never: readonly number[];
  /** How late ticks were begun, in no order. */
  readonly delays: readonly Millis[];
  readonly hash: string;
}

const EVERY: Millis = 1000;
const WARM_UP: Millis = 15_000;
/** The last ticks may still be taken over. */
const COOL_DOWN: Millis = 40_000;
/** A partition is over for the laws when the sides have heard each other again, and the runs of before have ended. */
const REUNION: Millis = 20_000;
const FAULT_EVERY: Millis = 12_000;
const CLOCK_OFFSET: Millis = 250;

const definitionOf = (name: string): JobDefinition => ({
  ...{ name, schedule: { kind: 'every', every: EVERY }, place: {}, timeout: 10_000, retries: 0 },
  ...{ overlap: 'allow', jitter: 0, catchUp: 'one', quorum: 1, registeredAt: 0 },
  action: { kind: 'post', url: 'http://127.0.0.1/' },
});

export function runJobExperiment(options: JobExperimentOptions): JobExperimentResult {
  const { members, duration, fault } = options;
  const names = Array.from({ length: options.jobs ?? 1 }, (_, i) => `sweep-${i + 1}`);
  const jobs = names.map((name) => ({ definition: definitionOf(name), run: undefined }));
  const world = new World({
    seed: options.seed,
    makeAgent: (agentOptions) => createAgent({ ...agentOptions, jobs }),
    trace: { detail: 'facts', maxLines: 400 },
    simulateJobRun: () => ({ after: 50 + jobRng.int(400), ok: true }),
  });
  const jobRng = world.rng.fork();
  const swim: SwimConfig = withDefaults(swimSection);
  const serf: SerfConfig = withDefaults(serfSection);
  const labels = Array.from({ length: members }, (_, i) => `m${i + 1}`);
  for (const label of labels) world.add(label, { swim, serf });
  const apart = new Apart();
  const observer = new JobObserver(world, (a, b) => apart.has(a, b, world.now));
  if (fault === 'clocks' || fault === 'all')
    for (const label of labels) world.host(label).wallClockOffset = jobRng.int(CLOCK_OFFSET);
  // Not bootstrapCluster: it waits until nothing is left to send, and the job soon runs each second.
  for (const label of labels) world.start(label);
  for (const label of labels) joinOthers(world, label);
  world.run(WARM_UP);
  const from = wallOf(world, labels);
  if (fault === 'loss' || fault === 'all')
    world.network.linkQuality = { ...world.network.linkQuality, loss: 0.1 };
  const faults = new FaultSource(world, labels, apart);
  for (let at = 0; at < duration; at += FAULT_EVERY) {
    faults.inject(fault);
    world.run(FAULT_EVERY);
  }
  const to = wallOf(world, labels);
  world.network.linkQuality = { ...world.network.linkQuality, loss: 0 };
  world.run(COOL_DOWN);
  const counts = names.flatMap((name) => [...observer.countByTick(name, { from, to, every: EVERY })]);
  const offset = to - world.now + COOL_DOWN;
  return {
    ticks: counts.length,
    once: counts.filter(([, count]) => count === 1).length,
    repeated: counts.filter(([, count]) => count > 1).length,
    atOnce: observer.atOnce,
    never: counts.flatMap(([tick, count]) => (count === 0 ? [tick] : [])),
    delays: observer.runs.map(({ tick, begunAt }) => begunAt + offset - tick),
    hash: world.trace.hash,
  };
}

/** The wall clock of an agent that runs: they differ by less than a tick. */
function wallOf(world: World, labels: readonly string[]): number {
  const host = labels.map((label) => world.host(label)).find(({ running }) => running);
  return host?.runningAgent.view.jobs.wall ?? 0;
}

/** Pairs of hosts that a fault keeps apart. */
class Apart {
  readonly #until = new Map<string, Millis>();

  add(sideA: readonly string[], sideB: readonly string[], until: Millis): void {
    for (const a of sideA)
      for (const b of sideB) for (const pair of [`${a} ${b}`, `${b} ${a}`]) this.#until.set(pair, until);
  }

  has(a: string, b: string, now: Millis): boolean {
    return now < (this.#until.get(`${a} ${b}`) ?? 0);
  }
}

const SINGLE_FAULTS = ['restart', 'crash', 'drain', 'pause', 'partition'] as const;

class FaultSource {
  readonly #world: World;
  readonly #labels: readonly string[];
  readonly #apart: Apart;
  #lastVictim = '';

  constructor(world: World, labels: readonly string[], apart: Apart) {
    this.#world = world;
    this.#labels = labels;
    this.#apart = apart;
  }

  /**
   * The first host is never affected, so that somebody is well at all times. No host is affected twice in a row: one that begins
   * twice within ten seconds is contested for minutes (catalog/doubts.ts), and its claims come later than a spread time.
   */
  inject(fault: JobFault): void {
    const { rng } = this.#world;
    const kind = fault === 'all' ? (SINGLE_FAULTS[rng.int(SINGLE_FAULTS.length)] as JobFault) : fault;
    const others = this.#labels.slice(1).filter((label) => label !== this.#lastVictim);
    const victim = others[rng.int(others.length)] as string;
    this.#lastVictim = victim;
    const [after, span] = [rng.int(2000), 1000 + rng.int(7000)];
    const at = this.#world.now + after;
    this.#world.schedule(at, () => this.#begin(kind, victim, span));
  }

  #begin(kind: JobFault, victim: string, span: Millis): void {
    const world = this.#world;
    const host = world.host(victim);
    const later = (act: () => void): void => world.schedule(world.now + span, act);
    if (!host.running) return;
    switch (kind) {
      case 'restart':
      case 'crash':
        world.stop(victim, { powerOff: kind === 'crash' });
        return later(() => {
          world.start(victim, { restore: world.rng.int(2) === 0 });
          joinOthers(world, victim);
        });
      case 'drain':
        world.command(victim, { kind: 'maintenance', on: true, reason: '' });
        return later(() => {
          if (host.running) world.command(victim, { kind: 'maintenance', on: false, reason: '' });
        });
      case 'pause':
        // Whom the detector declares dead is taken over from, though its program may go on.
        this.#apart.add([victim], this.#labels, world.now + span + REUNION);
        world.pause(victim);
        return later(() => world.resume(victim));
      case 'partition': {
        const others = this.#labels.filter((label) => label !== victim);
        const side = [victim, others.pop() as string];
        this.#apart.add(side, others, world.now + span * 3 + REUNION);
        const lifts = [
          world.network.addRule({ from: side, to: others }),
          world.network.addRule({ from: others, to: side }),
        ];
        return world.schedule(world.now + span * 3, () => {
          for (const lift of lifts) lift();
        });
      }
    }
  }
}
