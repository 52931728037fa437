/**
 * What this agent knows, in a few octets: hashes over (owner, epoch, version), kept by difference, so that asking
 * costs nothing while nothing changes. Two agents compare them and speak only of the buckets that differ.
 */
import { type CatalogSummary, encodeCatalogSummary, MAX_SUMMARY_BUCKETS } from '../wire/catalog.ts';
import { Hash } from './hash.ts';

/** Owners per bucket that a summary aims at: fewer make it larger, more make each difference dearer. */
const OWNERS_PER_BUCKET = 8;

/** The mark of one ledger in the digest: changes with its epoch or version. */
export interface LedgerHash {
  readonly bucket: number;
  high: number;
  low: number;
}

/** Buckets of owners, out of `of` (a power of two). */
export interface BucketSet {
  readonly of: number;
  readonly buckets: readonly number[];
}

/** Everything there is. */
export const ALL_BUCKETS: BucketSet = { of: 1, buckets: [0] };

export const newLedgerHash = (owner: string): LedgerHash => ({
  bucket: new Hash().updateText(owner).low % MAX_SUMMARY_BUCKETS,
  high: 0,
  low: 0,
});

export class Digest {
  readonly #buckets = new Uint32Array(MAX_SUMMARY_BUCKETS);
  #high = 0;
  #low = 0;
  #ledgerCount = 0;
  #encoded: Uint8Array | undefined;

  /** Puts the ledger's new state in the place of its old. At version 0 it says nothing, and counts for nothing. */
  update(mark: LedgerHash, owner: string, epoch: number, version: number): void {
    const said = mark.high !== 0 || mark.low !== 0;
    this.#xor(mark);
    if (version === 0) {
      mark.high = 0;
      mark.low = 0;
    } else {
      const hash = new Hash().updateText(owner).updateNumber(epoch).updateNumber(version);
      mark.high = hash.high;
      mark.low = hash.low | 1; // never all zero
    }
    this.#xor(mark);
    this.#ledgerCount += (version === 0 ? 0 : 1) - (said ? 1 : 0);
    this.#encoded = undefined;
  }

  #xor(mark: LedgerHash): void {
    this.#high = (this.#high ^ mark.high) >>> 0;
    this.#low = (this.#low ^ mark.low) >>> 0;
    this.#buckets[mark.bucket] = (this.#buckets[mark.bucket] as number) ^ mark.high;
  }

  /** The same octets until something changes. */
  encodedSummary(): Uint8Array {
    this.#encoded ??= encodeCatalogSummary(this.#summary());
    return this.#encoded;
  }

  #summary(): CatalogSummary {
    let of = 1;
    while (of < MAX_SUMMARY_BUCKETS && of * OWNERS_PER_BUCKET < this.#ledgerCount) of *= 2;
    return { high: this.#high, low: this.#low, buckets: fold(this.#buckets, of) };
  }

  /** Where another's summary differs from ours; `undefined`: nowhere. */
  differingBuckets(theirs: CatalogSummary): BucketSet | undefined {
    if (theirs.high === this.#high && theirs.low === this.#low) return undefined;
    const of = Math.min(theirs.buckets.length, MAX_SUMMARY_BUCKETS);
    const ours = fold(this.#buckets, of);
    const buckets: number[] = [];
    for (let i = 0; i < of; i++) if (ours[i] !== theirs.buckets[i]) buckets.push(i);
    // A difference that no bucket shows is a collision of short hashes: then all are suspect.
    return buckets.length === 0 ? ALL_BUCKETS : { of, buckets };
  }
}

/** Bucket i of few is the sum of all whose number is i modulo that. */
function fold(buckets: Uint32Array, of: number): readonly number[] {
  const folded = new Uint32Array(of);
  for (let i = 0; i < buckets.length; i++)
    folded[i % of] = (folded[i % of] as number) ^ (buckets[i] as number);
  return [...folded];
}
