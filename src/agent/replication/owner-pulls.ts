/**
 * Owner pulls: ledgers that are requested from their owner itself, since what was heard of them proves nothing: it came from an address without
 * a member, it goes farther than is believed of anybody else, another member says otherwise, or its owner is no member yet
 * (docs/replication.md, A19, A33, A34, A48).
 */
import type { Address } from '../../base/address.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import { type RateLimit, RateLimiter } from '../../base/rate-limiter.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { Progress } from '../../catalog/types.ts';
import type { CatalogPeers } from './catalog-peers.ts';
import type { PullTicket } from './host.ts';
import type { PullQueue } from './pull-queue.ts';

/** Announcements about names that are no owners yet, and may be in a moment. */
const MAX_DEFERRED = 1024;
/** By owner: strangers must not make a whole cluster dial one of its members all the time. */
const HINT_LIMIT: RateLimit = { burst: 8, refillInterval: 1000, maxKeys: 4096, overflow: 'share' };
const DOUBT_LIMIT: RateLimit = { burst: 2, refillInterval: 5000, maxKeys: 4096, overflow: 'share' };

/** By host: who says that all ledgers are others than ours must not make us ask all owners. */
const OTHER_COPY_LIMIT: RateLimit = { burst: 16, refillInterval: 1000, maxKeys: 4096, overflow: 'share' };

interface Announced {
  readonly progress: Progress;
  /** A member that has it; `undefined`: only the owner is asked. */
  readonly from: Address | undefined;
}

export interface OwnerPullOptions {
  /** This agent's own name. */
  readonly self: string;
  readonly catalog: Catalog;
  readonly catalogPeers: Pick<CatalogPeers, 'addressOf' | 'isHostOfMember' | 'isOwner'>;
}

export class OwnerPulls {
  readonly #options: OwnerPullOptions;
  readonly #pullQueue: PullQueue;
  readonly #deferred = new BoundedMap<string, Announced>(MAX_DEFERRED);
  readonly #hintLimiter = new RateLimiter(HINT_LIMIT);
  readonly #doubtLimiter = new RateLimiter(DOUBT_LIMIT);
  readonly #otherCopyLimiter = new RateLimiter(OTHER_COPY_LIMIT);
  readonly #postponed = new Timers<string>();
  /** Owners that were asked what they have, and have not answered yet. */
  readonly #unsettled = new Timers<string>();

  constructor(options: OwnerPullOptions, pullQueue: PullQueue) {
    this.#options = options;
    this.#pullQueue = pullQueue;
  }

  /** Progress that came from an address without a member. A member behind a NAT, or with several addresses, is heard in this way, too. */
  handleHint(progress: Progress, now: Millis): void {
    const { catalog, catalogPeers, self } = this.#options;
    const { owner } = progress;
    if (owner === self) return;
    if (!catalogPeers.isOwner(owner)) this.defer(progress, undefined);
    else if (catalog.receiveProgress(progress, now) === 'pull' && this.#hintLimiter.tryAcquire(owner, now))
      this.#pull(owner, now);
  }

  /** A peer's copy goes as far as ours, and says something else. Of our own ledger we know that it is the peer's that is wrong. */
  handleOtherCopy(owner: string, from: Address, now: Millis): void {
    const { catalog, catalogPeers, self } = this.#options;
    if (owner === self || !catalogPeers.isHostOfMember(from)) return;
    if (this.#otherCopyLimiter.tryAcquire(from.host, now)) catalog.doubts.demand(owner);
  }

  /** When owners that were asked lately are asked again. */
  get deadline(): Millis {
    return Math.min(this.#postponed.deadline, this.#unsettled.deadline);
  }

  /** To be called when the catalog has received something, and at the deadline. */
  pullDoubtful(now: Millis): void {
    for (const owner of this.#options.catalog.consumeDoubtful()) this.#ask(owner, now);
    for (let owner = this.#postponed.pop(now); owner !== undefined; owner = this.#postponed.pop(now))
      this.#ask(owner, now);
    for (let owner = this.#unsettled.pop(now); owner !== undefined; owner = this.#unsettled.pop(now))
      if (this.#options.catalog.doubts.isUnsettled(owner)) this.#ask(owner, now);
  }

  /** What it was asked for last may not be all, or be lost: it is asked again a little later. */
  #ask(owner: string, now: Millis): void {
    if (this.#options.catalogPeers.addressOf(owner) === undefined) return; // it is asked when it is back
    const again = now + DOUBT_LIMIT.refillInterval;
    if (this.#doubtLimiter.tryAcquire(owner, now)) this.#pull(owner, now);
    else if (!this.#postponed.has(owner)) this.#postponed.set(owner, again);
    if (this.#options.catalog.doubts.isUnsettled(owner)) this.#unsettled.set(owner, again);
  }

  /** A peer may lack the same, or be out of reach; only the owner surely has its whole ledger. */
  pullInstead({ owners, announceOwners }: PullTicket, from: Address, now: Millis): void {
    for (const owner of owners) {
      const address = this.#options.catalogPeers.addressOf(owner);
      if (address !== undefined && address.key !== from.key)
        this.#pullQueue.enqueue(owner, address, announceOwners.has(owner), now);
    }
  }

  /** Its owner may become a member soon. */
  defer(progress: Progress, from: Address | undefined): void {
    this.#deferred.set(progress.owner, { progress, from });
  }

  /** A member came, or has other tags. */
  pullDeferred(name: string, now: Millis): void {
    const { catalog, catalogPeers } = this.#options;
    if (catalog.doubts.isUnsettled(name)) this.#ask(name, now);
    const announced = this.#deferred.get(name);
    if (announced === undefined || !catalogPeers.isOwner(name)) return;
    this.#deferred.delete(name);
    if (catalog.receiveProgress(announced.progress, now) !== 'pull') return;
    if (announced.from === undefined) this.#pull(name, now);
    else this.#pullQueue.enqueue(name, announced.from, true, now);
  }

  #pull(owner: string, now: Millis): void {
    const address = this.#options.catalogPeers.addressOf(owner);
    if (address !== undefined) this.#pullQueue.enqueue(owner, address, true, now);
  }
}
