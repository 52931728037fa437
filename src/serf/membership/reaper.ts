/** What time does to members and queues: who is forgotten, whom to try again, how much may wait. */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { SerfConfig } from '../../config/protocol.ts';
import type { BroadcastQueue } from '../../swim/broadcasts.ts';
import type { SerfFact, SerfMember } from '../types.ts';
import type { Statuses } from './status.ts';

/** Source: serf Config.QueueCheckInterval. */
export const QUEUE_CHECK_INTERVAL: Millis = 30_000;

/** Members that failed, or left, so long ago that they are forgotten. Source: serf handleReap. */
export function expiredMembers(
  statuses: Statuses,
  config: Pick<SerfConfig, 'reconnectTimeout' | 'tombstoneTimeout'>,
  now: Millis,
): SerfMember[] {
  const over = (names: ReadonlySet<string>, timeout: Millis): SerfMember[] =>
    [...names]
      .map((name) => statuses.get(name))
      .filter((held) => held !== undefined)
      .filter(({ downAt }) => downAt !== undefined && now - downAt > timeout);
  return [...over(statuses.failed, config.reconnectTimeout), ...over(statuses.left, config.tombstoneTimeout)];
}

/**
 * A failed member to try again, or `undefined` this time. Seldom when few of many failed, so that a large cluster
 * does not knock on one door all at once.
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

/** Cuts each lane to `max` messages and tells what was lost. Source: serf checkQueueDepth. */
export function pruneLanes(lanes: Readonly<Record<string, BroadcastQueue>>, max: number): SerfFact[] {
  const facts: SerfFact[] = [];
  for (const [lane, queue] of Object.entries(lanes)) {
    const dropped = queue.prune(max);
    if (dropped > 0) facts.push({ kind: 'broadcastQueuePruned', lane, dropped });
  }
  return facts;
}
