/**
 * Serf's member table: swim's members with a status, kept until they are reaped, even after swim has dropped their rows.
 * The transitions by swim's events are here, those by intents in intents.ts.
 */
import { assert } from '../../base/assert.ts';
import type { Millis } from '../../base/time.ts';
import type { Member } from '../../swim/types.ts';
import { tagsFromIdentity } from '../tags.ts';
import type { SerfMember, SerfStatus, SerfView } from '../types.ts';

export class Statuses implements SerfView {
  readonly #members = new Map<string, SerfMember>();
  readonly #failed = new Set<string>();
  readonly #left = new Set<string>();
  /** Lamport time of the last leave that was applied, by name. */
  readonly #leaves = new Map<string, number>();
  #revision = 0;

  /** Rises with every change of a member. */
  get revision(): number {
    return this.#revision;
  }

  get(name: string): SerfMember | undefined {
    return this.#members.get(name);
  }

  all(): Iterable<SerfMember> {
    return this.#members.values();
  }

  get size(): number {
    return this.#members.size;
  }

  get failed(): ReadonlySet<string> {
    return this.#failed;
  }

  get left(): ReadonlySet<string> {
    return this.#left;
  }

  /** A leave of this time made the member leaving or left. */
  recordLeave(name: string, ltime: number): void {
    this.#leaves.set(name, ltime);
  }

  /** Was its last intent a leave, with no join after it? */
  hasAnnouncedLeave({ name, statusLTime }: SerfMember): boolean {
    return this.#leaves.get(name) === statusLTime;
  }

  /** Adds or replaces a member, also in the sets of failed and left ones. */
  set(member: SerfMember): void {
    this.#revision += 1;
    this.#members.set(member.name, member);
    updateStatusSet(this.#failed, member, 'failed');
    updateStatusSet(this.#left, member, 'left');
    // Invariant: failed and left members are members.
    assert(this.#failed.size + this.#left.size <= this.#members.size, 'more members are down than there are');
  }

  /** Status times from `next` on were never given: they become the last one that may have been. */
  forgetFrom(next: number): void {
    this.#revision += 1;
    const last = Math.max(0, next - 1);
    for (const member of this.#members.values()) {
      if (member.statusLTime < next) continue;
      if (this.hasAnnouncedLeave(member)) this.#leaves.set(member.name, last);
      this.#members.set(member.name, { ...member, statusLTime: last });
    }
  }

  delete(name: string): void {
    this.#revision += 1;
    this.#members.delete(name);
    this.#failed.delete(name);
    this.#left.delete(name);
    this.#leaves.delete(name);
  }

  /** Is a member other than `self` alive? */
  hasAliveMembers(self: string): boolean {
    for (const member of this.#members.values())
      if (member.status === 'alive' && member.name !== self) return true;
    return false;
  }
}

function updateStatusSet(names: Set<string>, member: SerfMember, status: SerfStatus): void {
  if (member.status === status) names.add(member.name);
  else names.delete(member.name);
}

/** A member that was unknown before. */
export const newSerfMember = (
  member: Member,
  status: 'alive' | 'leaving',
  statusLTime: number,
): SerfMember => ({
  name: member.identity.name,
  status,
  statusLTime,
  downAt: undefined,
  member,
  tags: tagsFromIdentity(member.identity),
});

/** Swim holds it as alive again, whatever its status was. The status time stays. Source: serf handleNodeJoin. */
export const applyJoin = (held: SerfMember, member: Member): SerfMember =>
  newSerfMember(member, 'alive', held.statusLTime);

/**
 * It has been leaving for longer than a leave takes, and swim holds it as alive: the leave was not its own, or the join that
 * undid it did not arrive here. The status time goes back by one, so that a leave still under way is applied again.
 */
export const applyLeaveTimeout = (held: SerfMember): SerfMember => ({
  ...held,
  status: 'alive',
  statusLTime: Math.max(0, held.statusLTime - 1),
});

/** Swim holds a new identity of it. Source: serf handleNodeUpdate. */
export const applyUpdate = (held: SerfMember, member: Member): SerfMember => ({
  ...held,
  member,
  tags: tagsFromIdentity(member.identity),
});

/**
 * Swim holds it as down. It has left if it said so: to swim, or in a leave intent before. `undefined`: it was down
 * already.
 *
 * Source: serf handleNodeLeave. Differs: there only the intent counts, and a member whose intent is late has failed
 * (serf#638).
 */
export function applyDown(
  held: SerfMember,
  member: Member,
  saidSo: boolean,
  now: Millis,
): SerfMember | undefined {
  switch (held.status) {
    case 'alive':
      return { ...held, member, status: saidSo ? 'left' : 'failed', downAt: now };
    case 'leaving':
      return { ...held, member, status: 'left', downAt: now };
    case 'left':
    case 'failed':
      return undefined;
  }
}
