/** Answers about services that were made before: kept as parts for as long as what they are made of stands. */
import type { CompiledAnswer } from '../message/compiled-records.ts';
import type { EndpointSet } from './endpoints.ts';

interface AnswerCacheKey {
  readonly type: number;
  /** As it was spelled. */
  readonly domain: string;
  /** How many records the client could be sent. */
  readonly maxRecords: number;
}

interface CachedAnswer extends AnswerCacheKey {
  readonly parts: CompiledAnswer;
}

/** Records kept in all, some 600 octets each. Strangers may ask for everything we have, in any spelling. */
const MAX_RECORDS = 16_384;

export class ServiceAnswerCache {
  /** `Served` is another one as soon as anything about it changes; the old one takes its parts along. */
  #answers = new WeakMap<EndpointSet, readonly CachedAnswer[]>();
  #records = 0;

  /** What `make` gives, or gave when it was asked the same of `served`. More than `most` items may be in it. */
  getOrCompile(
    served: EndpointSet,
    { type, domain, maxRecords: most }: AnswerCacheKey,
    make: () => CompiledAnswer,
  ): CompiledAnswer {
    const all = this.#answers.get(served) ?? [];
    for (const one of all)
      if (one.type === type && one.domain === domain && coversLimit(one, most)) return one.parts;
    const parts = make();
    if (parts.authority.length > 0) return parts; // an SOA has its time
    this.#records += countRecords(parts);
    if (this.#records > MAX_RECORDS) {
      this.#answers = new WeakMap();
      this.#records = countRecords(parts);
    }
    const others = (this.#answers.get(served) ?? []).filter(
      (one) => one.type !== type || one.domain !== domain,
    );
    this.#answers.set(served, [{ type, domain, maxRecords: most, parts }, ...others]);
    return parts;
  }
}

const coversLimit = ({ parts, maxRecords: made }: CachedAnswer, most: number): boolean =>
  made >= most || parts.items.length < made;

const countRecords = ({ items }: CompiledAnswer): number =>
  items.reduce((sum, { additionals: glue }) => sum + 1 + glue.length, 0);
