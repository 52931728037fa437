/** Gossip rounds: which members a round goes to. */
import type { SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { isUp } from '../precedence.ts';
import type { Member } from '../types.ts';

/**
 * A few random members that lack something, including some that died lately, which may want to refute. If all whom it
 * meets were told, it goes to those: the queues learn of it, and count the pass as over.
 *
 * Differs: memberlist chooses among all.
 */
export function chooseGossipTargets(
  { config, members, self, now }: SwimContext,
  hasBroadcastsFor: (peer: Member) => boolean,
): readonly Member[] {
  const diedAfter = now - config.gossipToTheDeadTime;
  const receivesGossip = (row: MutableMember): boolean =>
    row !== self &&
    row.absence === undefined &&
    (isUp(row.state) || (row.state === 'dead' && row.since >= diedAfter));
  const untold = members.pickAnswered(
    config.gossipNodes,
    (row) => receivesGossip(row) && hasBroadcastsFor(row),
  );
  return untold.length > 0 ? untold : members.pickRandom(config.gossipNodes, receivesGossip);
}
