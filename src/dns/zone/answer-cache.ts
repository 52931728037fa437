/** Answers about services that were made before: kept as parts for as long as what they are made of stands. */
import type { Parts } from '../message/compiled-records.ts';
import type { Served } from './endpoints.ts';

interface CacheKey {
  readonly type: number;
  /** As it was spelled. */
  readonly domain: string;
  /** How many records the client could be sent. */
  readonly most: number;
}

interface Kept extends CacheKey {
  readonly parts: Parts;
}

/** Records kept in all, some 600 octets each. Strangers may ask for everything we have, in any spelling. */
const MAX_RECORDS = 16_384;

export class KeptParts {
  /** `Served` is another one as soon as anything about it changes; the old one takes its parts along. */
  #kept = new WeakMap<Served, readonly Kept[]>();
  #records = 0;

  /** What `make` gives, or gave when it was asked the same of `served`. More than `most` items may be in it. */
  parts(served: Served, { type, domain, most }: CacheKey, make: () => Parts): Parts {
    const all = this.#kept.get(served) ?? [];
    for (const one of all)
      if (one.type === type && one.domain === domain && isEnough(one, most)) return one.parts;
    const parts = make();
    if (parts.authority.length > 0) return parts; // an SOA has its time
    this.#records += recordsIn(parts);
    if (this.#records > MAX_RECORDS) {
      this.#kept = new WeakMap();
      this.#records = recordsIn(parts);
    }
    const others = (this.#kept.get(served) ?? []).filter((one) => one.type !== type || one.domain !== domain);
    this.#kept.set(served, [{ type, domain, most, parts }, ...others]);
    return parts;
  }
}

const isEnough = ({ parts, most: made }: Kept, most: number): boolean =>
  made >= most || parts.items.length < made;

const recordsIn = ({ items }: Parts): number => items.reduce((sum, { glue }) => sum + 1 + glue.length, 0);
