/** Cache of compiled answers about services. An answer is valid as long as the endpoint set it was compiled from. */
import type { CompiledAnswer } from '../message/compiled-records.ts';
import type { EndpointSet } from './endpoints.ts';

interface AnswerCacheKey {
  readonly type: number;
  /** In the letter case of the question. */
  readonly domain: string;
  /** Most records to answer with. */
  readonly maxRecords: number;
}

interface CachedAnswer extends AnswerCacheKey {
  readonly compiled: CompiledAnswer;
}

/** Records in all cached answers, of some 600 bytes each. Outsiders may query every service, in any letter case. */
const MAX_RECORDS = 16_384;

export class ServiceAnswerCache {
  /**
   * A change of the service creates a new endpoint set, and the answers of the old one are garbage-collected with it.
   */
  #answers = new WeakMap<EndpointSet, readonly CachedAnswer[]>();
  #recordCount = 0;

  /** The cached answer, or else a new one from `compile`. It may have more than `maxRecords` items. */
  getOrCompile(
    endpointSet: EndpointSet,
    { type, domain, maxRecords }: AnswerCacheKey,
    compile: () => CompiledAnswer,
  ): CompiledAnswer {
    const cached = this.#answers.get(endpointSet) ?? [];
    for (const answer of cached)
      if (answer.type === type && answer.domain === domain && coversLimit(answer, maxRecords))
        return answer.compiled;
    const compiled = compile();
    if (compiled.authority.length > 0) return compiled; // the serial of an SOA changes with time
    this.#recordCount += countRecords(compiled);
    if (this.#recordCount > MAX_RECORDS) {
      this.#answers = new WeakMap();
      this.#recordCount = countRecords(compiled);
    }
    const others = (this.#answers.get(endpointSet) ?? []).filter(
      (answer) => answer.type !== type || answer.domain !== domain,
    );
    this.#answers.set(endpointSet, [{ type, domain, maxRecords, compiled }, ...others]);
    return compiled;
  }
}

/** Does the answer have `maxRecords` items, or all there are? */
const coversLimit = (answer: CachedAnswer, maxRecords: number): boolean =>
  answer.maxRecords >= maxRecords || answer.compiled.items.length < answer.maxRecords;

const countRecords = ({ items }: CompiledAnswer): number =>
  items.reduce((sum, { additionals }) => sum + 1 + additionals.length, 0);
