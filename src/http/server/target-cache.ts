/**
 * A cache in front of everything but the guards: what was answered to the very same target, as long as nothing at all
 * has changed since. Clients ask for the same few things again and again; these are found by one look-up.
 */
import type { Topic } from '../../agent/contract/view.ts';
import type { Millis } from '../../base/time.ts';
import type { QueryParams } from '../endpoint/query.ts';
import type { HttpReply } from '../endpoint/reply/reply.ts';
import type { Site } from '../endpoint/site.ts';

export interface CachedTarget {
  /** Of the target, decoded: the guards look for a token in it. */
  readonly query: QueryParams;
  /** The path of the route as declared. */
  readonly path: string;
  readonly reply: HttpReply;
}

/** All are dropped when there are so many, or when their bodies have so many bytes. */
const MAX_ENTRIES = 256;
const MAX_BYTES = 8 * 1024 * 1024;
/** As for `Answers`: it bounds the harm, should an index ever fail to move. */
const MAX_AGE: Millis = 1000;
const ANYTHING: readonly Topic[] = ['anything'];

export class TargetCache {
  readonly #site: Pick<Site, 'agent' | 'monotonicClock'>;
  readonly #entries = new Map<string, CachedTarget>();
  #bytes = 0;
  /** Index of the whole view, and time, for which all of them hold. */
  #index = 0;
  #since: Millis = 0;

  constructor(site: Pick<Site, 'agent' | 'monotonicClock'>) {
    this.#site = site;
  }

  get(target: string): CachedTarget | undefined {
    this.#clearIfStale();
    return this.#entries.get(target);
  }

  /** `shortcut.reply` must have been made since anything last changed: in the same turn, without waiting. */
  store(target: string, shortcut: CachedTarget): void {
    const { length } = shortcut.reply.body;
    this.#clearIfStale();
    if (this.#entries.size >= MAX_ENTRIES || this.#bytes + length > MAX_BYTES) this.#clear();
    this.#entries.set(target, shortcut);
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
