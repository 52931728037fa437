/** Which agent a tick belongs to: rendezvous hashing over the eligible ones, the smallest hash first. */
import { Hash } from '../catalog/hash.ts';
import type { JobDefinition, WallMillis } from '../model/job.ts';

/** Ranks claims of one tick: of two that both claim it the larger one yields. No two nodes are equal. */
export function compareClaims(job: string, tick: WallMillis, a: string, b: string): number {
  const [x, y] = [claimHash(job, tick, a), claimHash(job, tick, b)];
  return x.high - y.high || x.low - y.low || (a < b ? -1 : a > b ? 1 : 0);
}

export function tickOwner(job: string, tick: WallMillis, eligible: readonly string[]): string | undefined {
  let owner: string | undefined;
  for (const node of eligible)
    if (owner === undefined || compareClaims(job, tick, node, owner) < 0) owner = node;
  return owner;
}

/** How much after its tick a run begins. */
export const jitterOf = ({ name, jitter }: JobDefinition, tick: WallMillis): number =>
  jitter === 0 ? 0 : claimHash(name, tick, '').high % jitter;

const claimHash = (job: string, tick: WallMillis, node: string): Hash =>
  new Hash().updateText(job).updateNumber(tick).updateText(node);
