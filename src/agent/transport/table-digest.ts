/**
 * The digest of what a push/pull would tell: rows of members, who has failed or leaves, the clocks, user events, and the summary of
 * the catalog. Of two agents with equal digests neither would learn anything from the other, but for status times of members
 * that are alive: these may differ for ever (docs/adr/0003), so they are left to the push/pulls that are not asked about.
 *
 * Hashes of single rows are added, so that their order does not matter, and kept with the identity, which stays the same.
 */
import { avalanche, Hash } from '../../catalog/hash.ts';
import type { Statuses } from '../../serf/membership/status.ts';
import type { Serf } from '../../serf/serf.ts';
import type { Identity, MemberState, MembersView } from '../../swim/types.ts';
import { encodeSums, ROW_BUCKETS, TABLE_DIGEST_BYTES } from '../../wire/table.ts';

const STATES: Readonly<Record<MemberState, number>> = { alive: 1, suspect: 2, dead: 3, left: 4 };

/** What is compared. */
export interface TableParts {
  readonly members: Pick<MembersView, 'all' | 'revision'>;
  readonly serf: Pick<Serf, 'exchangedParts' | 'clocks'>;
  /** The same array until something changes. */
  summary(): Uint8Array;
}

/** Two words each, of things that do not change. */
const kept = new WeakMap<object, readonly [number, number]>();

export interface TableDigest {
  readonly all: Uint8Array;
  /** Without the summary of the catalog, which has ways of its own to become equal. */
  readonly rest: Uint8Array;
}

/** Of all that is held, with user events from `floor` on. */
export function digestTable({ members, serf, summary }: TableParts, floor: number): TableDigest {
  const { membership, events } = serf.exchangedParts;
  const sum = new Sum();
  for (const bucket of sumMembers(members, membership.statuses)) sum.addSum(bucket);
  for (const { ltime, event } of events.heldFrom(floor)) sum.add(keptHash(event, hashEvent), ltime, 6);
  const { member, event, query } = serf.clocks;
  const hash = new Hash().updateNumber(member).updateNumber(event).updateNumber(query);
  const rest = toBytes(hash.updateNumber(sum.high).updateNumber(sum.low));
  for (const word of keptHash(summary(), hashBytes)) hash.updateNumber(word);
  return { all: toBytes(hash), rest };
}

/** Where two tables differ: the sum of what each bucket of names holds, of rows and of who has failed or leaves. */
export function sumBuckets({ members, serf }: Pick<TableParts, 'members' | 'serf'>): Uint8Array {
  return encodeSums(sumMembers(members, serf.exchangedParts.membership.statuses).map(({ low }) => low >>> 0));
}

export const bucketOf = (node: string): number => wordsOf(new Hash().updateText(node))[0] % ROW_BUCKETS;

/** By tables: in a quiet cluster they stay the same from one digest to the next. */
const sums = new WeakMap<
  object,
  { readonly members: number; readonly statuses: number; readonly buckets: readonly Sum[] }
>();

/** One sum for each bucket. */
function sumMembers(members: TableParts['members'], statuses: Statuses): readonly Sum[] {
  const known = sums.get(members);
  if (known !== undefined && known.members === members.revision && known.statuses === statuses.revision)
    return known.buckets;
  const buckets = Array.from({ length: ROW_BUCKETS }, () => new Sum());
  const sumOf = (node: string): Sum => buckets[bucketOf(node)] as Sum;
  for (const { identity, incarnation, state } of members.all())
    sumOf(identity.name).add(keptHash(identity, hashIdentity), incarnation, STATES[state]);
  for (const { name, status } of statuses.all())
    if (status === 'failed' || status === 'leaving')
      sumOf(name).add(wordsOf(new Hash().updateText(name)), 0, 5);
  sums.set(members, { members: members.revision, statuses: statuses.revision, buckets });
  return buckets;
}

function toBytes(hash: Hash): Uint8Array {
  const digest = new Uint8Array(TABLE_DIGEST_BYTES);
  const view = new DataView(digest.buffer);
  view.setUint32(0, hash.high);
  view.setUint32(4, hash.low);
  return digest;
}

/** A sum of hashes, each mixed with what belongs to it. */
class Sum {
  high = 0;
  low = 0;

  addSum({ high, low }: Sum): void {
    this.high = (this.high + high) | 0;
    this.low = (this.low + low) | 0;
  }

  add([high, low]: readonly [number, number], value: number, kind: number): void {
    const mixed = Math.imul(value, 0x9e3779b1) ^ Math.imul(kind, 0x85ebca6b);
    this.high = (this.high + avalanche(high ^ mixed)) | 0;
    this.low = (this.low + avalanche(low ^ Math.imul(mixed, 0xc2b2ae35) ^ high)) | 0;
  }
}

function keptHash<T extends object>(of: T, compute: (of: T) => Hash): readonly [number, number] {
  let words = kept.get(of);
  if (words === undefined) {
    words = wordsOf(compute(of));
    kept.set(of, words);
  }
  return words;
}

const wordsOf = (hash: Hash): readonly [number, number] => [hash.high, hash.low];

function hashIdentity({ name, address, meta, vsn }: Identity): Hash {
  const hash = new Hash().updateText(name).updateNumber(address.port);
  for (const octets of [address.ip, meta, vsn]) updateBytes(hash, octets);
  return hash;
}

/** Of payloads only the length, which a redacted recording keeps, so that its agent decides the same (src/replay/masks.ts). */
const hashEvent = ({ name, payload }: { readonly name: string; readonly payload: Uint8Array }): Hash =>
  new Hash().updateText(name).updateNumber(payload.length);

const hashBytes = (octets: Uint8Array): Hash => updateBytes(new Hash(), octets);

function updateBytes(hash: Hash, octets: Uint8Array): Hash {
  hash.updateNumber(octets.length);
  for (const octet of octets) hash.updateNumber(octet);
  return hash;
}
