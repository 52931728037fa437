/**
 * Which worker is to have which partition: rendezvous hashing with bounded load. Each worker has an equal number, give or
 * take one; what a worker holds stays with it as long as that holds, so only what must move does: if k of n workers
 * come or go, the partitions of k workers.
 */
import { Hash } from '../catalog/hash.ts';
import { isSameWorker, type WorkerId } from './types.ts';

/** `holder`: who has a partition now; `undefined`: nobody. Without workers nobody is to have any. */
export function assign(
  pool: string,
  count: number,
  workers: readonly WorkerId[],
  holder: (partition: number) => WorkerId | undefined,
): readonly (WorkerId | undefined)[] {
  if (workers.length === 0) return Array.from({ length: count }, () => undefined);
  const shares = workers.map((worker): Share => ({ worker, held: [], quota: 0 }));
  const byName = new Map(shares.map((share) => [nameOf(share.worker), share]));
  const open: number[] = [];
  for (let partition = 0; partition < count; partition++) {
    const held = holder(partition);
    const share = held === undefined ? undefined : byName.get(nameOf(held));
    if (share === undefined) open.push(partition);
    else share.held.push(partition);
  }
  setQuotas(shares, count);
  const plan: (WorkerId | undefined)[] = new Array(count);
  for (const share of shares) {
    if (share.held.length > share.quota) {
      share.held.sort((a, b) => compare(rank(pool, a, share.worker), rank(pool, b, share.worker)));
      open.push(...share.held.splice(share.quota));
    }
    for (const partition of share.held) plan[partition] = share.worker;
  }
  for (const partition of open.sort((a, b) => a - b)) {
    const share = chooseShare(pool, partition, shares);
    share.held.push(partition);
    plan[partition] = share.worker;
  }
  return plan;
}

interface Share {
  readonly worker: WorkerId;
  readonly held: number[];
  quota: number;
}

/** If the partitions cannot be shared equally, those have one more that have the most already. */
function setQuotas(shares: Share[], count: number): void {
  const base = Math.floor(count / shares.length);
  const extra = count % shares.length;
  const byHeld = [...shares].sort(
    (a, b) => b.held.length - a.held.length || compareNames(a.worker, b.worker),
  );
  byHeld.forEach((share, i) => {
    share.quota = base + (i < extra ? 1 : 0);
  });
}

function chooseShare(pool: string, partition: number, shares: readonly Share[]): Share {
  let best: { readonly share: Share; readonly rank: Rank } | undefined;
  for (const share of shares) {
    if (share.held.length >= share.quota) continue;
    const own = rank(pool, partition, share.worker);
    const order = best === undefined ? -1 : compare(own, best.rank);
    if (best === undefined || order < 0 || (order === 0 && compareNames(share.worker, best.share.worker) < 0))
      best = { share, rank: own };
  }
  return (best as { readonly share: Share }).share; // the quotas add up to the number of partitions
}

/** Of two workers that claim one partition the one of the larger hash yields. No two are equal. */
export function compareClaimants(pool: string, partition: number, a: WorkerId, b: WorkerId): number {
  if (isSameWorker(a, b)) return 0;
  return compare(rank(pool, partition, a), rank(pool, partition, b)) || compareNames(a, b);
}

type Rank = readonly [high: number, low: number];

function rank(pool: string, partition: number, { node, id }: WorkerId): Rank {
  const hash = new Hash().updateText(pool).updateNumber(partition).updateText(node).updateText(id);
  return [hash.high, hash.low];
}

const compare = (a: Rank, b: Rank): number => a[0] - b[0] || a[1] - b[1];

const nameOf = ({ node, id }: WorkerId): string => `${node}\n${id}`;

const compareNames = (a: WorkerId, b: WorkerId): number => (nameOf(a) < nameOf(b) ? -1 : 1);
