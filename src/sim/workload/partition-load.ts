/**
 * A worker pool, in half of the seeds: a worker at each host, whose process comes back with its agent, is replaced, ends in order or
 * without a word, and is drained. The generator is derived from the seed, so that nothing else that the seed draws depends on it.
 */
import { createRng, type Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { PoolId } from '../../partitions/types.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { makeService } from './definitions.ts';
import type { LoadPlan } from './drawn-actions.ts';
import type { SimWorkers } from './workers.ts';

export const WORKER_POOL: PoolId = { service: 'crunch', count: 12 };
/** The ID of the instance at each host. */
export const WORKER_ID = 'crunch-1';

/** `killWorker`: its connection closes without a word; `endWorker`: it has let go what it had. */
export const PARTITION_LOAD_KINDS = ['startWorker', 'killWorker', 'endWorker', 'drainWorker'] as const;

export type PartitionLoadKind = (typeof PARTITION_LOAD_KINDS)[number];

/** A process that was started with its host connects to the agent this much later at most. */
const LATEST_START: Millis = 3000;
/** The longest that a worker takes to let a partition go. */
const LONGEST_RELEASE: Millis = 1500;
/** Workers come as often as they go. */
const DRAWN_FROM: readonly PartitionLoadKind[] = [...PARTITION_LOAD_KINDS, 'startWorker', 'drainWorker'];

export interface PartitionLoad {
  readonly isThere: boolean;
  /** How long a worker takes to let a partition go. */
  drawReleaseTime(): Millis;
  /** Starts a worker at each host now and whenever its agent starts, and schedules what happens to them. `onDone` is called for each that a host carried out. */
  schedule(
    workers: SimWorkers,
    plan: LoadPlan,
    onDone: (action: { readonly kind: PartitionLoadKind }) => void,
  ): void;
}

export function drawPartitionLoad(seed: number): PartitionLoad {
  const rng = createRng(seed).derive('partitions');
  const isThere = rng.int(2) === 0;
  const releases = rng.fork();
  const starts = rng.fork();
  return {
    isThere,
    drawReleaseTime: () => (releases.int(3) === 0 ? releases.int(LONGEST_RELEASE) : 1),
    schedule: (workers, { hosts, span, count }, onDone) => {
      if (!isThere || hosts.length === 0) return;
      const { world } = workers;
      let serial = 0;
      const startWorker = (label: string): void => {
        register(world, label, serial++);
        workers.start(label, WORKER_POOL, WORKER_ID);
      };
      const startWithAgent = (host: SimHost): void => {
        if (!hosts.includes(host.label)) return;
        const boot = host.bootCount;
        world.schedule(world.now + 1 + starts.int(LATEST_START), () => {
          if (host.running && !host.paused && host.bootCount === boot) startWorker(host.label);
        });
      };
      for (const label of hosts) startWithAgent(world.host(label));
      world.subscribe({ onStart: startWithAgent });
      for (const { at, label, kind, on } of drawActions(rng, { hosts, span, count }))
        world.schedule(world.now + at, () => {
          const { running, paused } = world.host(label);
          if (!running || paused) return;
          if (kind === 'startWorker') startWorker(label);
          else if (kind === 'drainWorker') world.command(label, { kind: 'drain', service: WORKER_ID, on });
          else workers.end(label, kind === 'endWorker');
          onDone({ kind });
        });
    },
  };
}

interface PartitionAction {
  readonly at: Millis;
  readonly label: string;
  readonly kind: PartitionLoadKind;
  /** Of a drain: it begins, and does not end. */
  readonly on: boolean;
}

const drawActions = (rng: Rng, { hosts, span, count }: LoadPlan): readonly PartitionAction[] =>
  Array.from({ length: count }, () => ({
    at: rng.next() * span,
    label: hosts[rng.int(hosts.length)] as string,
    kind: DRAWN_FROM[rng.int(DRAWN_FROM.length)] as PartitionLoadKind,
    on: rng.int(2) === 0,
  }));

/** The serial makes each registration another value, as the laws of the catalog need. */
function register(world: World, label: string, serial: number): void {
  const service = makeService(WORKER_ID, { meta: new Map([['serial', `${serial}`]]) });
  world.command(label, { kind: 'registerService', service, checks: [], replaceChecks: false });
}
