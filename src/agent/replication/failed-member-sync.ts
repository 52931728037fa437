/** Failed members in syncs: which are told to a peer, and what is learned from one (A37 in docs/replication.md). */
import { toAddress } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import { type BucketSet, isInBuckets } from '../../catalog/digest.ts';
import type { FailedMember } from '../../serf/membership/failed-members.ts';
import type { Serf } from '../../serf/serf.ts';
import type { SerfEffect } from '../../serf/types.ts';
import { isPlausibleIncarnation } from '../../swim/precedence.ts';
import type { Swim } from '../../swim/swim.ts';
import { type FailedMemberRow, MAX_FAILED_MEMBERS } from '../../wire/failed-member.ts';

/** The members that a sync is about, as its request says: those in some buckets, or the owners of its rows. */
export type SyncScope = BucketSet & { readonly rows: readonly { readonly owner: string }[] };

export class FailedMemberSync {
  readonly #swim: Swim;
  readonly #serf: Serf;
  readonly #serfOut: SerfEffect[];
  readonly #runEffects: () => void;

  /** `runEffects` executes the effects of the layers so far. */
  constructor(swim: Swim, serf: Serf, serfOut: SerfEffect[], runEffects: () => void) {
    this.#swim = swim;
    this.#serf = serf;
    this.#serfOut = serfOut;
    this.#runEffects = runEffects;
  }

  /** Those that a sync of this scope tells of; the peer knows those in `known` already. */
  tell(request: SyncScope, known: readonly FailedMemberRow[], now: Millis): readonly FailedMemberRow[] {
    const names = new Set(known.map(({ name }) => name));
    const isInScope = scopeOf(request);
    const rows: FailedMemberRow[] = [];
    for (const told of this.#serf.membership.failedMembers.told(now)) {
      const { name } = told.member.identity;
      if (names.has(name) || !isInScope(name)) continue;
      rows.push(toRow(told));
      if (rows.length === MAX_FAILED_MEMBERS) break;
    }
    return rows;
  }

  /** Before ledgers that come with them are applied: those of failed members are kept. */
  learn(rows: readonly FailedMemberRow[], now: Millis): void {
    if (rows.length === 0) return;
    for (const row of rows) {
      if (!isPlausibleIncarnation(row.incarnation, undefined, now)) continue;
      const told = fromRow(row);
      if (this.#serf.membership.learnFailed(told, now, this.#serfOut)) this.#swim.learnDead(told.member, now);
    }
    this.#runEffects();
  }
}

function scopeOf(request: SyncScope): (name: string) => boolean {
  if (request.bucketCount !== 0) return (name) => isInBuckets(name, request);
  const owners = new Set(request.rows.map(({ owner }) => owner));
  return (name) => owners.has(name);
}

function toRow({ member: { identity, incarnation }, statusLTime, age }: FailedMember): FailedMemberRow {
  const { name, address, meta, vsn } = identity;
  return { name, addr: address.ip, port: address.port, meta, vsn, incarnation, statusLTime, age };
}

function fromRow({
  name,
  addr,
  port,
  meta,
  vsn,
  incarnation,
  statusLTime,
  age,
}: FailedMemberRow): FailedMember {
  const identity = { name, address: toAddress(addr, port), meta, vsn };
  return { member: { identity, incarnation }, statusLTime, age };
}
