/** Precedence: whether a membership message supersedes the state held. Pure functions. */
import type { Millis } from '../base/time.ts';
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

/** The highest incarnation that an agent announces; what others say of a member stays below it. */
export const MAX_INCARNATION = 2 ** 31 - 1;
/** The highest that can be outbid on the wire. Only agents that believe any get there (memberlist). */
export const MAX_OWN_INCARNATION = 2 ** 32 - 2;
/** How far others may take the incarnation of a member beyond its own word, at once. */
export const LEAD = 64;
/** Time in which others may take it one further: 2^31 takes four years. */
export const LEAD_INTERVAL: Millis = 62.5;
/** The furthest, however long the member has not spoken for itself. */
export const MAX_LEAD = 2 ** 16;

/** What a member itself has said of its incarnation, or who introduced it, and when. */
export interface OwnWord {
  readonly incarnation: number;
  readonly at: Millis;
}

/**
 * Can others say this of a member? `word` is its own, `undefined` of an unknown member. What is lower is plausible, and
 * stale. A limit for each step would not do: many steps would lead anywhere, and where some were led the others do not
 * follow.
 *
 * Differs: memberlist believes any. An accusation at the highest value cannot be refuted, and removes its victim for good
 * (memberlist#358).
 */
export function isPlausibleIncarnation(incarnation: number, word: OwnWord | undefined, now: Millis): boolean {
  if (word === undefined || incarnation >= MAX_INCARNATION) return incarnation < MAX_INCARNATION;
  const lead = Math.min(MAX_LEAD, LEAD + Math.floor((now - word.at) / LEAD_INTERVAL));
  return incarnation <= word.incarnation + lead;
}

/**
 * The incarnation to start with: above everything announced before, so that no old message about this agent outlives the
 * restart. What was saved may be poisoned; if little is above it, the agent begins anew.
 */
export const firstIncarnation = (saved: number): number =>
  saved < MAX_INCARNATION - 2 ** 20 ? saved + 1 : 1;
