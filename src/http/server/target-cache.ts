/**
 * A cache of replies by raw request target, valid until anything in the view changes. It stands before routing, but
 * behind access control. Clients repeat the same few requests, which cost one look-up then.
 */
import type { Scope } from '../../access/scope.ts';
import type { Topic } from '../../agent/contract/view.ts';
import type { Millis } from '../../base/time.ts';
import type { QueryParams } from '../endpoint/query.ts';
import type { HttpReply } from '../endpoint/reply/reply.ts';
import type { Site } from '../endpoint/site.ts';

export interface CachedTarget {
  /** The decoded query of the target, in which access control looks for a token. */
  readonly query: QueryParams;
  /** The path of the route as declared, for metrics. */
  readonly path: string;
  readonly scope: Scope;
  readonly reply: HttpReply;
}

/** All are discarded when there are more entries, or their bodies have more bytes. */
const MAX_ENTRIES = 256;
const MAX_BYTES = 8 * 1024 * 1024;
/** As in the reply cache: it bounds the harm, should an index fail to move. */
const MAX_AGE: Millis = 1000;
const ANYTHING: readonly Topic[] = ['anything'];

export class TargetCache {
  readonly #site: Pick<Site, 'agent' | 'monotonicClock'>;
  readonly #entries = new Map<string, CachedTarget>();
  #bytes = 0;
  /** The index of the whole view and the time at which all entries were made. */
  #index = 0;
  #since: Millis = 0;

  constructor(site: Pick<Site, 'agent' | 'monotonicClock'>) {
    this.#site = site;
  }

  get(target: string): CachedTarget | undefined {
    this.#clearIfStale();
    return this.#entries.get(target);
  }

  /** The reply must have been made since the last change: in this turn of the event loop, without waiting. */
  store(target: string, entry: CachedTarget): void {
    const { length } = entry.reply.body;
    this.#clearIfStale();
    if (this.#entries.size >= MAX_ENTRIES || this.#bytes + length > MAX_BYTES) this.#clear();
    this.#entries.set(target, entry);
    this.#bytes += length;
  }

  #clearIfStale(): void {
    const index = this.#site.agent.view.indexOf(ANYTHING);
    const now = this.#site.monotonicClock();
    if (index === this.#index && now - this.#since <= MAX_AGE) return;
    this.#index = index;
    this.#since = now;
    this.#clear();
  }

  #clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }
}
