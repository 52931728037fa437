/**
 * I42 to I44 in the swarm. While faults last they are judged of agents that none affects. In the quiet period, whatever was
 * before it, each partition has one holder, all workers have their share, and nothing moves; then one worker is drained and
 * comes back, and only its share may move.
 */
import type { Millis } from '../../base/time.ts';
import type { PoolId, PoolView } from '../../partitions/types.ts';
import type { SimWorkers } from '../workload/workers.ts';
import type { SimHost } from '../world/host.ts';
import type { LawContext } from './law.ts';
import { PartitionObserver } from './partitions.ts';

export interface PartitionLawOptions {
  readonly pool: PoolId;
  /** The ID of the instance at each host. */
  readonly worker: string;
  /** The time since which no fault affects this host, and changes reach it as they should; `undefined`: one does. */
  healthySince(host: SimHost): Millis | undefined;
}

/** An agent that began last hears the catalog before it claims what nobody has. */
const SETTLE: Millis = 12_000;
/** When workers have changed all have their share within this: gossip may miss an agent until its next push/pull. */
const SHARED_WITHIN: Millis = 45_000;
/** What moves without need does so within this. */
const REST: Millis = 3000;

export class PartitionLaws {
  readonly #context: LawContext;
  readonly #workers: SimWorkers;
  readonly #options: PartitionLawOptions;

  constructor(context: LawContext, workers: SimWorkers, options: PartitionLawOptions) {
    this.#context = context;
    this.#workers = workers;
    this.#options = options;
    const { world } = context;
    const isJudged = (label: string, since: Millis): boolean =>
      (options.healthySince(world.host(label)) ?? Number.POSITIVE_INFINITY) <= since;
    const observer = new PartitionObserver(workers, (law, a, b, since) => {
      const judges = isJudged(a, since) && isJudged(b, since);
      if (judges) context.judged(law);
      return judges;
    });
    workers.onBegin(() => {
      for (const what of observer.violations.splice(0)) context.reportViolation(what);
    });
  }

  /** All agree, and nothing happens while `quiet` passes. */
  judgeQuietPeriod(quiet: () => void): void {
    const from = this.#context.world.now + SETTLE;
    quiet();
    this.#context.judged('I42');
    this.#context.judged('I44');
    for (const what of this.#findUnshared()) this.#context.reportViolation(`I42 ${what}`);
    for (const { host, partition, from: at } of this.#workers.tenures)
      if (at >= from)
        this.#context.reportViolation(
          `I44 partition ${partition} went to ${host}, and no worker had changed`,
        );
  }

  /** Drains a worker, and puts it back. */
  judgeDrain(): void {
    const { world } = this.#context;
    const usable = this.#usableHosts();
    const chosen = usable[world.seed % usable.length];
    if (chosen === undefined || usable.length < 2) return;
    for (const on of [true, false])
      this.judgeChange(chosen, () => {
        world.command(chosen, { kind: 'drain', service: this.#options.worker, on });
      });
  }

  /** A worker that has its share goes, or one comes. */
  judgeChange(host: string, change: () => void): void {
    const { world, judged, reportViolation } = this.#context;
    const { count } = this.#options.pool;
    const before = this.#workers.holders(count);
    change();
    world.runUntil(() => this.#findUnshared().length === 0, SHARED_WITHIN, 200);
    world.run(REST);
    judged('I42');
    judged('I44');
    for (const what of this.#findUnshared()) reportViolation(`I42 ${what}`);
    this.#workers.holders(count).forEach((now, partition) => {
      const earlier = before[partition];
      if (now !== earlier && now !== host && earlier !== host)
        reportViolation(`I44 partition ${partition} went from ${earlier} to ${now}, and ${host} had changed`);
    });
  }

  /** What is wrong with how partitions are shared, if nothing has kept agents apart for a while. */
  #findUnshared(): string[] {
    const views = this.#views();
    const [first] = views;
    if (first === undefined) return [];
    if (views.some((view) => textOf(view) !== textOf(first)))
      return ['agents do not agree on who holds what'];
    const usable = this.#usableHosts();
    if (usable.length === 0) return [];
    const holders = this.#workers.allHolders(this.#options.pool.count);
    const loads = usable.map((label) => holders.filter((held) => held.includes(label)).length);
    return [
      ...holders.flatMap((held, partition) =>
        held.length === 1 && usable.includes(held[0] as string)
          ? []
          : [
              `partition ${partition} is held by ${held.join(' and ') || 'nobody'}, and ${usable.join(', ')} could`,
            ],
      ),
      ...(Math.max(...loads) - Math.min(...loads) > 1
        ? [`${usable.join(', ')} hold ${loads.join(', ')} partitions`]
        : []),
    ];
  }

  #usableHosts(): readonly string[] {
    const workers = this.#views()[0]?.workers ?? [];
    const nodes = new Set(workers.flatMap(({ node, usable }) => (usable ? [node] : [])));
    return [...this.#context.world.hosts].flatMap((host) =>
      nodes.has(host.name) && this.#workers.runsAt(host) ? [host.label] : [],
    );
  }

  /** The pool as each agent sees it that knows of pools. */
  #views(): readonly PoolView[] {
    return [...this.#context.world.hosts].flatMap(
      ({ agent, options }) =>
        (options.serfPeer === true ? undefined : agent?.view.partitions.pool(this.#options.pool)) ?? [],
    );
  }
}

/** What an agent has seen of earlier holders is its own. */
const textOf = ({ workers, partitions }: PoolView): string =>
  JSON.stringify([workers, partitions.map(({ handover: _, ...one }) => one)]);
