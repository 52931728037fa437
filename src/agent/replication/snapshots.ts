/**
 * When to remember, and what: the snapshot that lets a restarted agent find its way back, and the catalogue with
 * which it can answer before it has. Disks are the shell's.
 */
import { type Millis, NEVER } from '../../base/time.ts';
import type { Serf } from '../../serf/serf.ts';
import type { Swim } from '../../swim/swim.ts';
import type { Effect, PreviousNode } from '../contract/machine.ts';
import type { View } from '../contract/view.ts';
import type { ServiceLayer } from './services.ts';

/** At most one snapshot in this span. */
const INTERVAL: Millis = 1000;
/** The catalogue is larger, and worth less: it follows a change after this … */
const CATALOG_DELAY: Millis = 5000;
/** … and not more often than this. */
const CATALOG_INTERVAL: Millis = 30_000;

export class SnapshotScheduler {
  readonly #on: boolean;
  readonly #boot: { readonly startedAt: number; readonly now: Millis };
  #at: Millis = NEVER;
  /** None before the first snapshot: a life that is short must not begin twice with one incarnation and epoch. */
  #pause: Millis = 0;
  /** Of what is registered here, at the last snapshot. */
  #version = 0;
  #catalogAt: Millis = NEVER;
  #catalogSince: Millis = Number.NEGATIVE_INFINITY;
  /** Of the catalogue, when it was last remembered. */
  #summary: Uint8Array | undefined;

  /** `on` false: there is nowhere to keep anything, so nothing is composed. */
  constructor(
    on: boolean,
    birth: { readonly startedAt: number; readonly now: Millis },
    services: ServiceLayer,
  ) {
    this.#on = on;
    this.#boot = birth;
    if (on) this.#summary = services.summary;
  }

  get deadline(): Millis {
    return Math.min(this.#at, this.#catalogAt);
  }

  /** Something worth keeping changed. */
  markDirty(now: Millis): void {
    if (this.#on && this.#at === NEVER) this.#at = now + this.#pause;
  }

  tick(now: Millis, swim: Swim, serf: Serf, services: ServiceLayer, view: View, out: Effect[]): void {
    if (now >= this.#catalogAt) this.#saveCatalog(services, now, out);
    if (now < this.#at) return;
    this.#at = NEVER;
    this.#pause = INTERVAL;
    this.#version = services.version;
    const met: readonly PreviousNode[] = view
      .members()
      .filter((one) => one.name !== view.node && one.status !== 'left')
      .map(({ name, address: { key: addr }, status }) =>
        status === 'alive' || status === 'suspect' ? { name, addr } : { name, addr, down: true },
      );
    const peers = [...met, ...services.restoredCatalog.previousNodes(met.length === 0)];
    const { registered, epoch } = services.localSnapshot(now);
    const at = this.#boot.startedAt + (now - this.#boot.now);
    const { clocks } = serf;
    out.push({
      kind: 'saveSnapshot',
      snapshot: { incarnation: swim.incarnation, clocks, peers, registered, epoch, at },
    });
  }

  /** Called after every input: was something registered, or did a check change? */
  detectChanges(services: ServiceLayer, now: Millis): void {
    if (services.version !== this.#version) this.markDirty(now);
    if (this.#on && this.#catalogAt === NEVER && services.summary !== this.#summary)
      this.#catalogAt = Math.max(now + CATALOG_DELAY, this.#catalogSince + CATALOG_INTERVAL);
  }

  /** The agent stops, in order. Goes before all effects since `from`: after `stopped` nothing is written any more. */
  flush(services: ServiceLayer, now: Millis, out: Effect[], from: number): void {
    if (!this.#on || services.summary === this.#summary) return;
    const last: Effect[] = [];
    this.#saveCatalog(services, now, last);
    out.splice(from, 0, ...last);
  }

  #saveCatalog(services: ServiceLayer, now: Millis, out: Effect[]): void {
    this.#catalogAt = NEVER;
    this.#catalogSince = now;
    this.#summary = services.summary;
    out.push({ kind: 'saveCatalog', bytes: services.catalogSnapshot() });
  }
}
