/** One row of the member table, as swim/ and its table write it. */
import type { Millis } from '../base/time.ts';
import type { OwnWord } from './precedence.ts';
import type { Identity, Member, MemberState } from './types.ts';

/** A member as swim/ writes it. A row is one object from its addition to its removal. */
export interface MutableMember extends Member {
  /** `undefined` of this agent, and of a row that is being added. */
  word: OwnWord | undefined;
  refused?: true | undefined;
}

/** A row as the table writes it, which counts what it changes. */
export type Row = { -readonly [P in keyof MutableMember]: MutableMember[P] };

/** All fields at once: with those that come later a row would take a second object, and rows would have many hidden classes. */
export const createRow = (
  identity: Identity,
  state: MemberState,
  incarnation: number,
  since: Millis,
): Row => ({
  identity,
  state,
  incarnation,
  since,
  word: undefined,
  absence: undefined,
  hasAnswered: false,
  refused: undefined,
});
