/** Precedence: whether a membership message supersedes the state held. Pure functions. */
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
 * `supersedes`: the message changes the state. `confirms`: it does not, but may raise the incarnation held, and confirm a
 * suspicion. `stale`: it is ignored.
 */
export type Precedence = 'supersedes' | 'confirms' | 'stale';

/**
 * The precedence of a message about a member other than this agent.
 *
 * Only a member itself raises its incarnation, so `alive` must exceed the one held, whatever the state. `suspect` and
 * `dead` need only match it, and change only a member that is up.
 *
 * Differs: an accusation of a suspect at a higher incarnation starts another suspicion, since the suspect must have
 * refuted the first. memberlist takes the accuser for a confirmation, which may leave no time for the next refutation.
 *
 * Source: SWIM §4.2; memberlist state.go, aliveNode, suspectNode, deadNode.
 */
export function precedence(message: MembershipMessage, known: KnownState): Precedence {
  if (message.kind === 'alive') return message.incarnation > known.incarnation ? 'supersedes' : 'stale';
  if (message.incarnation < known.incarnation) return 'stale';
  const wasRefuted = known.state === 'suspect' && message.incarnation > known.incarnation;
  if (message.kind === 'suspect') return known.state === 'alive' || wasRefuted ? 'supersedes' : 'confirms';
  return isUp(known.state) ? 'supersedes' : 'confirms';
}

export const isUp = (state: MemberState): boolean => state === 'alive' || state === 'suspect';

/** The largest incarnation that is stored, passed on or announced. */
export const MAX_INCARNATION = 2 ** 31 - 1;
/** How far an incarnation may exceed the one held. */
export const MAX_INCARNATION_JUMP = 2 ** 20;

/**
 * Can this incarnation be real? `known` is the one held for the member, if any. A lower one is plausible, and stale.
 *
 * Differs: memberlist believes any. An accusation at the highest value cannot be refuted, and removes its victim for good
 * (memberlist#358).
 */
export const isPlausibleIncarnation = (incarnation: number, known: number | undefined): boolean =>
  incarnation <= MAX_INCARNATION && (known === undefined || incarnation <= known + MAX_INCARNATION_JUMP);

/**
 * The incarnation to start with: above everything announced before, so that no old message about this agent outlives the
 * restart. What was saved may be poisoned; if nothing could outbid it, the agent begins anew.
 */
export const firstIncarnation = (saved: number): number =>
  saved < MAX_INCARNATION - MAX_INCARNATION_JUMP ? saved + 1 : 1;
