/**
 * Serf's member table: swim's members with a status, kept until reaped, also when swim has dropped its row. How
 * statuses follow from what swim saw is here; what intents do to them is in intents.ts.
 */
import type { Millis } from '../../base/time.ts';
import type { Member } from '../../swim/types.ts';
import { tagsFromIdentity } from '../tags.ts';
import type { SerfMember, SerfStatus, SerfView } from '../types.ts';

export class Statuses implements SerfView {
  readonly #members = new Map<string, SerfMember>();
  readonly #failed = new Set<string>();
  readonly #left = new Set<string>();
  /** Lamport time of the last leave that counted. */
  readonly #leaves = new Map<string, number>();

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

  /** A leave of this time made it leaving, or left. */
  recordLeave(name: string, ltime: number): void {
    this.#leaves.set(name, ltime);
  }

  /** The last thing it is known to have said is that it leaves: no join came after. */
  hasAnnouncedLeave({ name, statusLTime }: SerfMember): boolean {
    return this.#leaves.get(name) === statusLTime;
  }

  /** Adds or replaces a row; the lists of failed and left members follow. */
  set(member: SerfMember): void {
    this.#members.set(member.name, member);
    enlist(this.#failed, member, 'failed');
    enlist(this.#left, member, 'left');
  }

  delete(name: string): void {
    this.#members.delete(name);
    this.#failed.delete(name);
    this.#left.delete(name);
    this.#leaves.delete(name);
  }

  /** Is anybody but `self` there to talk to? */
  hasAliveMembers(self: string): boolean {
    for (const member of this.#members.values())
      if (member.status === 'alive' && member.name !== self) return true;
    return false;
  }
}

function enlist(list: Set<string>, member: SerfMember, status: SerfStatus): void {
  if (member.status === status) list.add(member.name);
  else list.delete(member.name);
}

/** A member nobody knew. */
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

/** Swim sees it again: alive, whatever it was; its status time stays. Source: serf handleNodeJoin. */
export const applyJoin = (held: SerfMember, member: Member): SerfMember => ({
  ...newSerfMember(member, 'alive', held.statusLTime),
});

/**
 * It has been leaving for longer than anybody takes, and swim sees it alive: the leave was not its own, or was taken
 * back where we did not hear it. Its time goes back by one, so that a leave that is still on its way counts again.
 */
export const applyLeaveTimeout = (held: SerfMember): SerfMember => ({
  ...held,
  status: 'alive',
  statusLTime: Math.max(0, held.statusLTime - 1),
});

/** Swim has a new identity of it. Source: serf handleNodeUpdate. */
export const applyUpdate = (held: SerfMember, member: Member): SerfMember => ({
  ...held,
  member,
  tags: tagsFromIdentity(member.identity),
});

/**
 * Swim lost it. It has left only if it said so to Serf before; `undefined`: it was down already.
 *
 * Source: serf handleNodeLeave. What memberlist says of leaving (Node == From in a dead) does not count.
 */
export function applyDown(held: SerfMember, member: Member, now: Millis): SerfMember | undefined {
  switch (held.status) {
    case 'alive':
      return { ...held, member, status: 'failed', downAt: now };
    case 'leaving':
      return { ...held, member, status: 'left', downAt: now };
    case 'left':
    case 'failed':
      return undefined;
  }
}
