/**
 * Why a tick did not go to the agent with the smallest hash of all: what was against that one is known when the tick comes, and
 * not any more when somebody asks.
 */
import type { JobDefinition, WallMillis } from '../model/job.ts';
import { tickOwner } from './owner.ts';
import type { JobDetour, JobWorld } from './types.ts';

/** Ticks of one job whose detours are remembered. */
const MAX_DETOURS = 64;

export class Detours {
  readonly #byJob = new Map<string, Map<WallMillis, JobDetour>>();

  get(job: string, tick: WallMillis): JobDetour | undefined {
    return this.#byJob.get(job)?.get(tick);
  }

  /** `owner` has the tick of those that are able; `all` might have had it. */
  note(
    definition: JobDefinition,
    tick: WallMillis,
    { owner, all }: { readonly owner: string | undefined; readonly all: readonly string[] },
    world: JobWorld,
  ): void {
    const first = tickOwner(definition.name, tick, all);
    if (owner === undefined || first === undefined || first === owner) return;
    const byTick = this.#byJob.get(definition.name) ?? new Map<WallMillis, JobDetour>();
    this.#byJob.set(definition.name, byTick);
    byTick.set(tick, { to: owner, node: first, reason: world.reasonAgainst(definition, first) });
    if (byTick.size > MAX_DETOURS) byTick.delete(Math.min(...byTick.keys()));
  }
}
