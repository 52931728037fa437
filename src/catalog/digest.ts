/**
 * The digest of all ledgers: hashes over (owner, epoch, version, versions beyond gaps), updated by XOR when one of them changes. Two agents
 * compare digests, and exchange only the buckets that differ (A27 in docs/replication.md). Names of failed members are
 * hashed, too, since a sync tells of them (A37). What ledgers say is hashed apart from how far they go, since agents of earlier
 * versions compare only that (A48).
 */
import { assert } from '../base/assert.ts';
import { type CatalogSummary, encodeCatalogSummary, MAX_SUMMARY_BUCKETS } from '../wire/catalog.ts';
import { mixContents } from './contents.ts';
import { Hash } from './hash.ts';

/** Owners per bucket in a summary: fewer make the summary larger, more make each difference more expensive. */
const OWNERS_PER_BUCKET = 8;

/** What one ledger contributes to the digest; 0 for an empty one. */
export interface LedgerHash {
  readonly bucket: number;
  high: number;
  low: number;
  contents: number;
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
  contents: 0,
});

export const hasBucket = ({ bucketCount, buckets }: BucketSet, { bucket }: LedgerHash): boolean =>
  buckets.includes(bucket % bucketCount);

export const isInBuckets = (owner: string, buckets: BucketSet): boolean =>
  hasBucket(buckets, newLedgerHash(owner));

export class Digest {
  readonly #buckets = new Uint32Array(MAX_SUMMARY_BUCKETS);
  readonly #contents = new Uint32Array(MAX_SUMMARY_BUCKETS);
  #high = 0;
  #low = 0;
  #ledgerCount = 0;
  readonly #failed = new Map<string, LedgerHash>();
  #encoded: Uint8Array | undefined;

  /**
   * Replaces the ledger's previous state. A ledger at version 0 is empty and not counted. `ahead`: the versions of what is
   * held beyond a gap. `contents`: what the ledger says.
   */
  update(
    ledgerHash: LedgerHash,
    owner: string,
    epoch: number,
    version: number,
    ahead: readonly number[] = [],
    contents = 0,
  ): void {
    const wasCounted = ledgerHash.high !== 0 || ledgerHash.low !== 0;
    this.#xor(ledgerHash);
    if (version === 0) {
      ledgerHash.high = 0;
      ledgerHash.low = 0;
      ledgerHash.contents = 0;
    } else {
      const hash = new Hash().updateText(owner).updateNumber(epoch).updateNumber(version);
      for (const one of ahead) hash.updateNumber(one);
      ledgerHash.high = hash.high;
      ledgerHash.low = hash.low | 1; // never all zero, which stands for an empty ledger
      ledgerHash.contents = mixContents(contents, ledgerHash.low);
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

  #xor({ bucket, high, low, contents }: LedgerHash): void {
    this.#high = (this.#high ^ high) >>> 0;
    this.#low = (this.#low ^ low) >>> 0;
    this.#buckets[bucket] = (this.#buckets[bucket] as number) ^ high;
    this.#contents[bucket] = (this.#contents[bucket] as number) ^ contents;
  }

  /** The summary, encoded. The same array until something changes. */
  encodedSummary(): Uint8Array {
    this.#encoded ??= encodeCatalogSummary(this.#summary());
    return this.#encoded;
  }

  #summary(): CatalogSummary {
    let bucketCount = 1;
    while (bucketCount < MAX_SUMMARY_BUCKETS && bucketCount * OWNERS_PER_BUCKET < this.#ledgerCount)
      bucketCount *= 2;
    const [buckets, contents] = [fold(this.#buckets, bucketCount), fold(this.#contents, bucketCount)];
    return { high: this.#high, low: this.#low, buckets, contents };
  }

  /** Where a peer's summary differs from ours; `undefined`: nowhere. */
  differingBuckets(theirs: CatalogSummary): BucketSet | undefined {
    const isAsFar = theirs.high === this.#high && theirs.low === this.#low;
    const bucketCount = Math.min(theirs.buckets.length, MAX_SUMMARY_BUCKETS);
    const ours = fold(this.#buckets, bucketCount);
    const contents = fold(this.#contents, bucketCount);
    const buckets: number[] = [];
    for (let i = 0; i < bucketCount; i++) {
      const isOther = contents[i] !== (theirs.contents[i] ?? contents[i]);
      if (isOther || (!isAsFar && ours[i] !== theirs.buckets[i])) buckets.push(i);
    }
    if (buckets.length > 0) return { bucketCount, buckets };
    // A difference that no bucket shows means that bucket hashes collide, so all buckets are compared.
    return isAsFar ? undefined : ALL_BUCKETS;
  }
}

/** Fewer buckets out of many: bucket i combines all whose number is i modulo `bucketCount`. */
function fold(buckets: Uint32Array, bucketCount: number): readonly number[] {
  const folded = new Uint32Array(bucketCount);
  for (let i = 0; i < buckets.length; i++)
    folded[i % bucketCount] = (folded[i % bucketCount] as number) ^ (buckets[i] as number);
  return [...folded];
}
