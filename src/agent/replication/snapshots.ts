/**
 * When to save snapshots, and what is in them: the state by which a restarted agent finds its cluster again, and the
 * catalog with which it can answer before it has. Disks belong to the shell.
 */
import { type Millis, NEVER } from '../../base/time.ts';
import type { Serf } from '../../serf/serf.ts';
import type { Swim } from '../../swim/swim.ts';
import type { Effect, PreviousNode } from '../contract/machine.ts';
import type { View } from '../contract/view.ts';
import type { ServiceLayer } from './services.ts';

/** Snapshots are at least this far apart. */
const INTERVAL: Millis = 1000;
/** The catalog is larger and matters less: it is saved this long after a change … */
const CATALOG_DELAY: Millis = 5000;
/** … and at least this long after the last time. */
const CATALOG_INTERVAL: Millis = 30_000;

export class SnapshotScheduler {
  /** Whether there is somewhere to save. */
  readonly #isEnabled: boolean;
  readonly #boot: { readonly startedAt: number; readonly now: Millis };
  #at: Millis = NEVER;
  /**
   * Zero before the first snapshot: after a short run, too, the next one must not begin with the same incarnation and
   * epoch.
   */
  #interval: Millis = 0;
  /** The revision of the local registrations at the last snapshot. */
  #revision = 0;
  #catalogAt: Millis = NEVER;
  #catalogSavedAt: Millis = Number.NEGATIVE_INFINITY;
  /** The summary of the catalog when it was last saved. */
  #summary: Uint8Array | undefined;

  constructor(
    isEnabled: boolean,
    boot: { readonly startedAt: number; readonly now: Millis },
    services: ServiceLayer,
  ) {
    this.#isEnabled = isEnabled;
    this.#boot = boot;
    if (isEnabled) this.#summary = services.summary;
  }

  get deadline(): Millis {
    return Math.min(this.#at, this.#catalogAt);
  }

  /** Something that snapshots contain has changed. */
  markDirty(now: Millis): void {
    if (this.#isEnabled && this.#at === NEVER) this.#at = now + this.#interval;
  }

  tick(now: Millis, swim: Swim, serf: Serf, services: ServiceLayer, view: View, out: Effect[]): void {
    if (now >= this.#catalogAt) this.#saveCatalog(services, now, out);
    if (now < this.#at) return;
    this.#at = NEVER;
    this.#interval = INTERVAL;
    this.#revision = services.revision;
    const known: readonly PreviousNode[] = view
      .members()
      .filter(({ name, status }) => name !== view.node && status !== 'left')
      .map(({ name, address: { key: addr }, status }) =>
        status === 'alive' || status === 'suspect' ? { name, addr } : { name, addr, down: true },
      );
    const peers = [...known, ...services.restoredCatalog.previousNodes(known.length === 0)];
    const { registered, epoch } = services.localSnapshot(now);
    const at = this.#boot.startedAt + (now - this.#boot.now);
    const { clocks } = serf;
    out.push({
      kind: 'saveSnapshot',
      snapshot: { incarnation: swim.incarnation, clocks, peers, registered, epoch, at },
    });
  }

  /** To be called after every input: schedules a snapshot if registrations, checks or the catalog have changed. */
  detectChanges(services: ServiceLayer, now: Millis): void {
    if (services.revision !== this.#revision) this.markDirty(now);
    if (this.#isEnabled && this.#catalogAt === NEVER && services.summary !== this.#summary)
      this.#catalogAt = Math.max(now + CATALOG_DELAY, this.#catalogSavedAt + CATALOG_INTERVAL);
  }

  /**
   * Saves the catalog as the agent stops. The effect goes before all from index `from` on: after `stopped` nothing is
   * saved any more.
   */
  flush(services: ServiceLayer, now: Millis, out: Effect[], from: number): void {
    if (!this.#isEnabled || services.summary === this.#summary) return;
    const last: Effect[] = [];
    this.#saveCatalog(services, now, last);
    out.splice(from, 0, ...last);
  }

  #saveCatalog(services: ServiceLayer, now: Millis, out: Effect[]): void {
    this.#catalogAt = NEVER;
    this.#catalogSavedAt = now;
    this.#summary = services.summary;
    out.push({ kind: 'saveCatalog', bytes: services.catalogSnapshot() });
  }
}
