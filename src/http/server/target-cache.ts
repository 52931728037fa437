/**
 * A cache in front of everything but the guards: what was answered to the very same target, as long as nothing at all
 * has changed since. Clients ask for the same few things again and again; these are found by one look-up.
 */
import type { Topic } from '../../agent/contract/view.ts';
import type { Millis } from '../../base/time.ts';
import type { Query } from '../endpoint/query.ts';
import type { Reply } from '../endpoint/reply/reply.ts';
import type { Site } from '../endpoint/site.ts';

export interface Shortcut {
  /** Of the target, decoded: the guards look for a token in it. */
  readonly query: Query;
  /** The path of the route as declared. */
  readonly path: string;
  readonly reply: Reply;
}

/** All are dropped when there are so many, or when their bodies have so many bytes. */
const MAX_HELD = 256;
const MAX_BYTES = 8 * 1024 * 1024;
/** As for `Answers`: it bounds the harm, should an index ever fail to move. */
const MAX_AGE: Millis = 1000;
const ANYTHING: readonly Topic[] = ['anything'];

export class Shortcuts {
  readonly #site: Pick<Site, 'door' | 'clock'>;
  readonly #held = new Map<string, Shortcut>();
  #bytes = 0;
  /** Index of the whole view, and time, for which all of them hold. */
  #index = 0;
  #since: Millis = 0;

  constructor(site: Pick<Site, 'door' | 'clock'>) {
    this.#site = site;
  }

  get(target: string): Shortcut | undefined {
    this.#refresh();
    return this.#held.get(target);
  }

  /** `shortcut.reply` must have been made since anything last changed: in the same turn, without waiting. */
  keep(target: string, shortcut: Shortcut): void {
    const { length } = shortcut.reply.body;
    this.#refresh();
    if (this.#held.size >= MAX_HELD || this.#bytes + length > MAX_BYTES) this.#drop();
    this.#held.set(target, shortcut);
    this.#bytes += length;
  }

  #refresh(): void {
    const index = this.#site.door.view.indexOf(ANYTHING);
    const now = this.#site.clock();
    if (index === this.#index && now - this.#since <= MAX_AGE) return;
    this.#index = index;
    this.#since = now;
    this.#drop();
  }

  #drop(): void {
    this.#held.clear();
    this.#bytes = 0;
  }
}
