/**
 * A job at every agent, in half of the seeds, and orders to run it now at drawn hosts. The generator is
 * derived from the seed, so that nothing else that the seed draws depends on it.
 */
import { createRng, type Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { ConfiguredJob } from '../../jobs/types.ts';
import type { SimulatedJobRun } from '../world/types.ts';
import type { World } from '../world/world.ts';
import { scheduleActions } from './drawn-actions.ts';

export const JOB_NAME = 'tidy';
export const JOB_EVERY: Millis = 3000;
/** The longest run, which ends before the next tick but one. */
const LONGEST_RUN: Millis = 4000;

export type JobLoadKind = 'runJob';

export interface JobLoad {
  readonly isThere: boolean;
  /** The job, for agents that start after `schedule`: before it a cluster is to settle, and a job that runs always has something to send. */
  readonly configured: readonly ConfiguredJob[];
  /** Draws how long a run takes, and whether it succeeds. */
  simulateRun(): SimulatedJobRun;
  /** Registers the job with each host, draws the orders and schedules them from now on. `onDone` is called for each that a host carried out. */
  schedule(
    world: World,
    plan: { readonly hosts: readonly string[]; readonly span: Millis; readonly count: number },
    onDone: (action: { readonly kind: JobLoadKind }) => void,
  ): void;
}

export function drawJobLoad(seed: number): JobLoad {
  const rng = createRng(seed).derive('jobs');
  const isThere = rng.int(2) === 0;
  const runRng = rng.fork();
  const definition = drawDefinition(rng);
  let configured: readonly ConfiguredJob[] = [];
  return {
    isThere,
    get configured() {
      return configured;
    },
    simulateRun: () => ({ after: 50 + runRng.int(LONGEST_RUN), ok: runRng.int(10) > 0 }),
    schedule: (world, { hosts, span, count }, onDone) => {
      if (!isThere || hosts.length === 0) return;
      configured = [{ definition, run: undefined }];
      for (const host of hosts) world.command(host, { kind: 'registerJob', definition });
      const actions = Array.from({ length: count }, (_, serial) => ({
        ...{ kind: 'runJob' as const, at: rng.next() * span, serial },
        host: hosts[rng.int(hosts.length)] as string,
      })).sort((a, b) => a.at - b.at);
      scheduleActions(world, actions, () => ({ kind: 'orderJob', name: JOB_NAME, order: 'run' }), onDone);
    },
  };
}

/** Runs may overlap, so that no tick is skipped and each is to be run once. */
const drawDefinition = (rng: Rng): ConfiguredJob['definition'] => ({
  ...{ name: JOB_NAME, schedule: { kind: 'every', every: JOB_EVERY }, place: {}, timeout: 10_000 },
  ...{ retries: rng.int(3), overlap: 'allow', jitter: 0, catchUp: 'one', quorum: 1, registeredAt: 0 },
  action: { kind: 'post', url: 'http://127.0.0.1/' },
});
