/** Periodic work: which members to reap, which failed member to reconnect to, and how much queues may hold. */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { SerfConfig } from '../../config/protocol.ts';
import type { BroadcastQueue } from '../../swim/broadcasts.ts';
import type { SerfFact, SerfMember } from '../types.ts';
import type { Statuses } from './status.ts';

/** Source: serf Config.QueueCheckInterval. */
export const QUEUE_CHECK_INTERVAL: Millis = 30_000;

/** Members that failed or left so long ago that they are reaped. Source: serf handleReap. */
export function expiredMembers(
  statuses: Statuses,
  config: Pick<SerfConfig, 'reconnectTimeout' | 'tombstoneTimeout'>,
  now: Millis,
): SerfMember[] {
  const expired = (names: ReadonlySet<string>, timeout: Millis): SerfMember[] =>
    [...names]
      .map((name) => statuses.get(name))
      .filter((held) => held !== undefined)
      .filter(({ downAt }) => downAt !== undefined && now - downAt > timeout);
  return [
    ...expired(statuses.failed, config.reconnectTimeout),
    ...expired(statuses.left, config.tombstoneTimeout),
  ];
}

/**
 * A failed member to reconnect to, or `undefined` this time. Its probability is the share of failed members, so that the
 * members of a large cluster do not all dial one failed member at once.
 *
 * Source: serf reconnect.
 */
export function reconnectCandidate(statuses: Statuses, self: string, rng: Rng): SerfMember | undefined {
  const failed = [...statuses.failed].filter((name) => name !== self);
  if (failed.length === 0) return undefined;
  const others = Math.max(1, statuses.size - statuses.failed.size - statuses.left.size);
  if (rng.next() > failed.length / others) return undefined;
  return statuses.get(failed[rng.int(failed.length)] as string);
}

/** Prunes each lane to `max` messages and reports how many were dropped. Source: serf checkQueueDepth. */
export function pruneLanes(lanes: Readonly<Record<string, BroadcastQueue>>, max: number): SerfFact[] {
  const facts: SerfFact[] = [];
  for (const [lane, queue] of Object.entries(lanes)) {
    const dropped = queue.prune(max);
    if (dropped > 0) facts.push({ kind: 'broadcastQueuePruned', lane, dropped });
  }
  return facts;
}
