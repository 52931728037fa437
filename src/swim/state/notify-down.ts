/**
 * Answers to stale news of a member we hold suspect or dead: our own, newer word goes straight to that member, so
 * that one which restarted below an old accusation learns of it and outbids it.
 *
 * Differs: memberlist stays silent, and such a member may never hear why it is shunned (memberlist#311).
 */
import type { Address } from '../../base/address.ts';
import { oncePer, RateLimiter } from '../../base/rate-limiter.ts';
import type { Millis } from '../../base/time.ts';
import type { Dead, Suspect } from '../../wire/memberlist.ts';
import type { MutableMember } from '../members.ts';
import type { SwimEffect } from '../types.ts';

export class DownNotifier {
  readonly #limiter: RateLimiter;

  /** At most one answer per member and `interval`. */
  constructor(interval: Millis) {
    this.#limiter = new RateLimiter(oncePer(interval));
  }

  /** Tells whoever claims to be `row`'s member, at `to`, what we hold against it, or what it must outbid. */
  notify(row: MutableMember, to: Address, us: string, now: Millis, out: SwimEffect[]): void {
    this.#send(toAccusation(row, us), to, now, out);
  }

  /** Likewise whoever claims a name whose row was dropped at this incarnation. */
  notifyDropped(
    node: string,
    incarnation: number,
    to: Address,
    us: string,
    now: Millis,
    out: SwimEffect[],
  ): void {
    this.#send({ kind: 'dead', incarnation, node, from: us }, to, now, out);
  }

  #send(message: Suspect | Dead, to: Address, now: Millis, out: SwimEffect[]): void {
    if (!this.#limiter.tryAcquire(message.node, now)) return;
    out.push({ kind: 'send', to, peer: undefined, message, piggyback: false });
  }
}

/** What we hold against a member, as a message. Of a leave its own word is repeated; one that is up is only suspected. */
export function toAccusation(row: MutableMember, us: string): Suspect | Dead {
  const node = row.identity.name;
  const incarnation = row.incarnation;
  if (row.state === 'suspect' || row.state === 'alive')
    return { kind: 'suspect', incarnation, node, from: us };
  return { kind: 'dead', incarnation, node, from: row.state === 'left' ? node : us };
}
