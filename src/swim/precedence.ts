/**
 * Precedence: what a rumor is worth against what we hold. Pure; acting on it is alive.ts's and accusation.ts's
 * business.
 */
import type { MemberState } from './types.ts';

export interface MembershipMessage {
  readonly kind: 'alive' | 'suspect' | 'dead';
  readonly incarnation: number;
}

export interface KnownState {
  readonly state: MemberState;
  readonly incarnation: number;
}

/**
 * `news` changes the state; `evidence` does not, but may raise the incarnation we hold, and confirm a suspicion;
 * `stale` says nothing.
 */
export type Precedence = 'supersedes' | 'confirms' | 'stale';

/**
 * What a rumor tells us about a member other than ourselves.
 *
 * Only the member itself may raise its incarnation, so `alive` must outbid what we hold, whatever the state.
 * `suspect` and `dead` need only match it, and can only make worse a member that is still up.
 *
 * Differs: a suspect that is accused at a higher incarnation is under another suspicion, since it must have answered the
 * first. memberlist takes the new accuser for a confirmation of the old one, which may leave no time for the next answer.
 *
 * Source: SWIM §4.2; memberlist state.go, aliveNode, suspectNode, deadNode.
 */
export function precedence(rumor: MembershipMessage, known: KnownState): Precedence {
  if (rumor.kind === 'alive') return rumor.incarnation > known.incarnation ? 'supersedes' : 'stale';
  if (rumor.incarnation < known.incarnation) return 'stale';
  const isAnswered = known.state === 'suspect' && rumor.incarnation > known.incarnation;
  if (rumor.kind === 'suspect') return known.state === 'alive' || isAnswered ? 'supersedes' : 'confirms';
  return isUp(known.state) ? 'supersedes' : 'confirms';
}

export const isUp = (state: MemberState): boolean => state === 'alive' || state === 'suspect';

/** The largest incarnation we store, repeat or announce. */
export const MAX_INCARNATION = 2 ** 31 - 1;
/** How far above what we hold an incarnation may be. */
export const MAX_INCARNATION_JUMP = 2 ** 20;

/**
 * May this incarnation be real? `known` is what we hold for the member, if anything.
 *
 * Differs: memberlist believes any. An accusation at the top value cannot be outbid, and evicts its victim for
 * good (memberlist#358); so tops and leaps are refused. Lower ones never are: they are merely stale.
 */
export const isPlausibleIncarnation = (incarnation: number, known: number | undefined): boolean =>
  incarnation <= MAX_INCARNATION && (known === undefined || incarnation <= known + MAX_INCARNATION_JUMP);
