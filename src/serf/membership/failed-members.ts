/**
 * Failed members as agents tell one another of them: an agent that was not there when a member failed lists it as those
 * that were, and for as long. What was erased here does not come back in this way.
 *
 * Differs: agents of Serf do not tell, so one that joins after a failure never lists the member.
 */
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Millis } from '../../base/time.ts';
import type { SerfConfig } from '../../config/protocol.ts';
import type { Member } from '../../swim/types.ts';
import type { SerfMember } from '../types.ts';
import type { Statuses } from './status.ts';

/** Failed members that peers can make us hold, and erased ones that are remembered. */
const MAX_FAILED = 4096;

/** What one agent tells another of a failed member. */
export interface FailedMember {
  readonly member: Pick<Member, 'identity' | 'incarnation'>;
  readonly statusLTime: number;
  /** How long ago it failed. */
  readonly age: Millis;
}

interface Erased {
  readonly incarnation: number;
  readonly statusLTime: number;
  readonly at: Millis;
  /** An operator wanted it. */
  readonly pruned: boolean;
}

export class FailedMembers {
  readonly #statuses: Statuses;
  readonly #config: Pick<SerfConfig, 'reconnectTimeout'>;
  readonly #erased = new BoundedMap<string, Erased>(MAX_FAILED);

  constructor(statuses: Statuses, config: Pick<SerfConfig, 'reconnectTimeout'>) {
    this.#statuses = statuses;
    this.#config = config;
  }

  /** All failed members, for a peer. */
  *told(now: Millis): Iterable<FailedMember> {
    for (const name of this.#statuses.failed) {
      const held = this.#statuses.get(name);
      if (held?.downAt === undefined) continue;
      const { member, statusLTime, downAt } = held;
      yield { member, statusLTime, age: Math.max(0, Math.round(now - downAt)) };
    }
  }

  /**
   * The member to add, which a peer shows as failed; `undefined` if it is known here, or is to be erased anyway. What was
   * erased here must be asked for first (`erasedAfter`).
   */
  accept({ member, statusLTime, age }: FailedMember, now: Millis): Omit<SerfMember, 'tags'> | undefined {
    const { identity, incarnation } = member;
    const { name } = identity;
    const { failed } = this.#statuses;
    if (this.#statuses.get(name) !== undefined || failed.size >= MAX_FAILED) return undefined;
    if (age > this.#config.reconnectTimeout) return undefined;
    const downAt = now - age;
    const row: Member = { identity, incarnation, state: 'dead', since: downAt };
    return { name, status: 'failed', statusLTime, downAt, member: row };
  }

  recordErased(
    { name, member: { incarnation }, statusLTime }: SerfMember,
    pruned: boolean,
    now: Millis,
  ): void {
    this.#erased.set(name, { incarnation, statusLTime, at: now, pruned });
  }

  /** The member was erased here after what the peer shows. */
  erasedAfter({ member, statusLTime }: FailedMember, now: Millis): Erased | undefined {
    const erased = this.#erased.get(member.identity.name);
    if (erased === undefined || now - erased.at > this.#config.reconnectTimeout) return undefined;
    const isNewer = member.incarnation > erased.incarnation || statusLTime > erased.statusLTime;
    return isNewer ? undefined : erased;
  }

  /** The name is a member again: it may fail anew. */
  onJoined(name: string): void {
    this.#erased.delete(name);
  }

  /** A peer erases the member no later than we could have learned of it: after that the name can be forgotten. */
  expire(now: Millis): void {
    for (const [name, { at }] of this.#erased) {
      if (now - at <= this.#config.reconnectTimeout) break;
      this.#erased.delete(name);
    }
  }
}
