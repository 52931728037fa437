/** The words of this room: Serf's statuses and events, and what can come out of serf/. */
import type { Address } from '../base/address.ts';
import type { Millis } from '../base/time.ts';
import type { Member } from '../swim/types.ts';

/** Serf's view of a member. swim's `suspect` is `alive` here. */
export type SerfStatus = 'alive' | 'leaving' | 'left' | 'failed';

export interface SerfMember {
  readonly name: string;
  readonly status: SerfStatus;
  /** Lamport time of the last join or leave intent that counted. */
  readonly statusLTime: number;
  /** When it left or failed; `undefined` while it is up. */
  readonly downAt: Millis | undefined;
  /** Its last row in swim's table, kept after the row was dropped there. */
  readonly member: Member;
  readonly tags: ReadonlyMap<string, string>;
}

export type SerfEvent = Readonly<
  | { kind: 'joined'; member: SerfMember }
  | { kind: 'updated'; member: SerfMember }
  | { kind: 'leaving'; member: SerfMember }
  | { kind: 'left'; member: SerfMember }
  | { kind: 'failed'; member: SerfMember }
  | { kind: 'reaped'; member: SerfMember }
>;

export type SerfEffect = Readonly<
  | { kind: 'event'; event: SerfEvent }
  /** Try a push/pull, `join` true, with a failed member's last address. */
  | { kind: 'reconnect'; name: string; to: Address }
  | { kind: 'fact'; fact: SerfFact }
>;

export type SerfFact = Readonly<
  | { kind: 'intentRefused'; node: string; why: string }
  | { kind: 'clockRefused'; clock: 'member' | 'event' | 'query'; ltime: number; ours: number }
  | { kind: 'falseLeaveRefuted'; ltime: number }
  | { kind: 'memberReaped'; node: string; status: SerfStatus }
  | { kind: 'reconnecting'; node: string }
  | { kind: 'lanePruned'; lane: string; dropped: number }
>;

/** Reading statuses, for every floor above. */
export interface SerfView {
  get(name: string): SerfMember | undefined;
  all(): Iterable<SerfMember>;
  readonly size: number;
}
