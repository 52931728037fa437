/**
 * The digest of all ledgers: hashes over (owner, epoch, version, versions beyond gaps), updated by XOR when one of them changes. Two agents
 * compare digests, and exchange only the buckets that differ (A27 in docs/replication.md). Names of failed members are
 * hashed, too, since a sync tells of them (A37).
 */
import { assert } from '../base/assert.ts';
import { type CatalogSummary, encodeCatalogSummary, MAX_SUMMARY_BUCKETS } from '../wire/catalog.ts';
import { Hash } from './hash.ts';

/** Owners per bucket in a summary: fewer make the summary larger, more make each difference more expensive. */
const OWNERS_PER_BUCKET = 8;

/** What one ledger contributes to the digest; 0 for an empty one. */
export interface LedgerHash {
  readonly bucket: number;
  high: number;
  low: number;
}

/** Some of `bucketCount` buckets of owners; the count is a power of two. */
export interface BucketSet {
  readonly bucketCount: number;
  readonly buckets: readonly number[];
}

/** All owners. */
export const ALL_BUCKETS: BucketSet = { bucketCount: 1, buckets: [0] };

export const newLedgerHash = (owner: string): LedgerHash => ({
  bucket: new Hash().updateText(owner).low % MAX_SUMMARY_BUCKETS,
  high: 0,
  low: 0,
});

export const isInBuckets = (owner: string, { bucketCount, buckets }: BucketSet): boolean =>
  buckets.includes(newLedgerHash(owner).bucket % bucketCount);

export class Digest {
  readonly #buckets = new Uint32Array(MAX_SUMMARY_BUCKETS);
  #high = 0;
  #low = 0;
  #ledgerCount = 0;
  readonly #failed = new Map<string, LedgerHash>();
  #encoded: Uint8Array | undefined;

  /**
   * Replaces the ledger's previous state. A ledger at version 0 is empty and not counted. `ahead`: the versions of what is
   * held beyond a gap.
   */
  update(
    ledgerHash: LedgerHash,
    owner: string,
    epoch: number,
    version: number,
    ahead: readonly number[] = [],
  ): void {
    const wasCounted = ledgerHash.high !== 0 || ledgerHash.low !== 0;
    this.#xor(ledgerHash);
    if (version === 0) {
      ledgerHash.high = 0;
      ledgerHash.low = 0;
    } else {
      const hash = new Hash().updateText(owner).updateNumber(epoch).updateNumber(version);
      for (const one of ahead) hash.updateNumber(one);
      ledgerHash.high = hash.high;
      ledgerHash.low = hash.low | 1; // never all zero, which stands for an empty ledger
    }
    this.#xor(ledgerHash);
    this.#ledgerCount += (version === 0 ? 0 : 1) - (wasCounted ? 1 : 0);
    assert(this.#ledgerCount >= 0, 'more ledgers left the digest than entered it');
    this.#encoded = undefined;
  }

  setFailed(name: string, failed: boolean): void {
    const held = this.#failed.get(name);
    if ((held !== undefined) === failed) return;
    const hash = held ?? newLedgerHash(name);
    if (failed) this.#failed.set(name, hash);
    else this.#failed.delete(name);
    this.update(hash, `failed ${name}`, 1, failed ? 1 : 0);
  }

  #xor({ bucket, high, low }: LedgerHash): void {
    this.#high = (this.#high ^ high) >>> 0;
    this.#low = (this.#low ^ low) >>> 0;
    this.#buckets[bucket] = (this.#buckets[bucket] as number) ^ high;
  }

  /** The same array until something changes. */
  encodedSummary(): Uint8Array {
    this.#encoded ??= encodeCatalogSummary(this.#summary());
    return this.#encoded;
  }

  #summary(): CatalogSummary {
    let bucketCount = 1;
    while (bucketCount < MAX_SUMMARY_BUCKETS && bucketCount * OWNERS_PER_BUCKET < this.#ledgerCount)
      bucketCount *= 2;
    return { high: this.#high, low: this.#low, buckets: fold(this.#buckets, bucketCount) };
  }

  /** Where a peer's summary differs from ours; `undefined`: nowhere. */
  differingBuckets(theirs: CatalogSummary): BucketSet | undefined {
    if (theirs.high === this.#high && theirs.low === this.#low) return undefined;
    const bucketCount = Math.min(theirs.buckets.length, MAX_SUMMARY_BUCKETS);
    const ours = fold(this.#buckets, bucketCount);
    const buckets: number[] = [];
    for (let i = 0; i < bucketCount; i++) if (ours[i] !== theirs.buckets[i]) buckets.push(i);
    // A difference that no bucket shows means that bucket hashes collide, so all buckets are compared.
    return buckets.length === 0 ? ALL_BUCKETS : { bucketCount, buckets };
  }
}

/** Fewer buckets out of many: bucket i combines all whose number is i modulo `bucketCount`. */
function fold(buckets: Uint32Array, bucketCount: number): readonly number[] {
  const folded = new Uint32Array(bucketCount);
  for (let i = 0; i < buckets.length; i++)
    folded[i % bucketCount] = (folded[i % bucketCount] as number) ^ (buckets[i] as number);
  return [...folded];
}
