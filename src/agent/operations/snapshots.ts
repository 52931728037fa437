/**
 * When to save snapshots, and what waits for them: a command that changes what they hold is acknowledged when the snapshot with
 * its change is stored. Snapshots go to the disk one at a time, so that all changes that came meanwhile share the next one (group
 * commit). Disks belong to the shell.
 */
import { type Millis, NEVER } from '../../base/time.ts';
import type { ReloadOutcome, RequestId } from '../contract/commands.ts';
import type { Effect, Snapshot } from '../contract/machine.ts';
import { reply } from './reply.ts';

/** Snapshots that no command waits for are at least this far apart. */
const INTERVAL: Millis = 1000;
/** Snapshots for commands are this far apart for each entry in them; each costs the event loop some 0.001 ms. */
const PAUSE_PER_ENTRY: Millis = 0.005;
/** The catalog is larger and matters less: it is saved this long after a change … */
const CATALOG_DELAY: Millis = 5000;
/** … and at least this long after the last time. */
const CATALOG_INTERVAL: Millis = 30_000;

/** What snapshots are made of. */
export interface SnapshotSource {
  /** Rises with everything that is worth saving. */
  readonly revision: number;
  /** Rises with what commands change: they are not acknowledged before it is stored. */
  readonly commandRevision: number;
  /** The encoded summary of the catalog: the same array until the catalog changes. */
  readonly catalogSummary: Uint8Array;
  compose(now: Millis): Snapshot;
  composeCatalog(): Uint8Array;
}

export class SnapshotScheduler {
  /** Whether there is somewhere to save. */
  readonly #isEnabled: boolean;
  readonly #source: SnapshotSource;
  #at: Millis = NEVER;
  /** Zero before the first snapshot: after a short run, too, the next one must not begin with the same incarnation and epoch. */
  #interval: Millis = 0;
  /** No snapshot for commands is composed before. */
  #pausedUntil: Millis = Number.NEGATIVE_INFINITY;
  /** The revisions of the source at the last snapshot; `undefined`: none yet, and the disk may have what was not read from it. */
  #saved: Pick<SnapshotSource, 'revision' | 'commandRevision'> | undefined;
  /** The number of the last snapshot, of the last one that commands need, and of the last one that is stored. */
  #latest = 0;
  #needed = 0;
  #stored = 0;
  #isWriting = false;
  /** Why the last write failed. Until one succeeds nothing waits. */
  #failure: string | undefined;
  readonly #held: (Acknowledgement & { readonly snapshot: number })[] = [];
  #catalogAt: Millis = NEVER;
  #catalogSavedAt: Millis = Number.NEGATIVE_INFINITY;
  /** The summary of the catalog when it was last saved. */
  #summary: Uint8Array | undefined;

  constructor(isEnabled: boolean, source: SnapshotSource) {
    this.#isEnabled = isEnabled;
    this.#source = source;
    if (isEnabled) this.#summary = source.catalogSummary;
  }

  /** While a snapshot is being written the next one waits for `onStored`. */
  get deadline(): Millis {
    return this.#isWriting ? this.#catalogAt : Math.min(this.#at, this.#catalogAt);
  }

  /** Something that snapshots contain has changed. */
  markDirty(now: Millis): void {
    if (this.#isEnabled && this.#at === NEVER) this.#at = now + this.#interval;
  }

  /**
   * Acknowledges a command that has been executed, when its change is stored; at once, and as unsaved, while the disk fails.
   * `value`: what it returns besides.
   */
  acknowledge(request: RequestId, value: ReloadOutcome | undefined, out: Effect[]): void {
    const needed = this.#isUnsaved ? this.#latest + 1 : this.#needed;
    if (!this.#isEnabled || needed <= this.#stored) return replySaved({ request, value }, out);
    if (this.#failure !== undefined) return replyUnsaved({ request, value }, this.#failure, out);
    this.#held.push({ request, value, snapshot: needed });
  }

  /** The outcome of writing the snapshot of this number. */
  onStored(snapshot: number, error: string | undefined, out: Effect[]): void {
    if (snapshot === this.#latest) this.#isWriting = false;
    this.#failure = error;
    if (error === undefined) this.#stored = Math.max(this.#stored, snapshot);
    const due = error === undefined ? this.#held.findIndex((one) => one.snapshot > snapshot) : -1;
    for (const held of this.#held.splice(0, due < 0 ? this.#held.length : due))
      if (error === undefined) replySaved(held, out);
      else replyUnsaved(held, error, out);
  }

  /** To be called after every input: saves what is due. */
  advance(now: Millis, out: Effect[]): void {
    if (!this.#isEnabled) return;
    const { revision, catalogSummary } = this.#source;
    if (revision !== this.#saved?.revision) this.markDirty(now);
    // Changes are not written sooner for commands while the disk fails: nobody waits for them.
    if (this.#isUnsaved && this.#failure === undefined)
      this.#at = Math.min(this.#at, Math.max(now, this.#pausedUntil));
    if (this.#catalogAt === NEVER && catalogSummary !== this.#summary)
      this.#catalogAt = Math.max(now + CATALOG_DELAY, this.#catalogSavedAt + CATALOG_INTERVAL);
    if (now >= this.#catalogAt) this.#saveCatalog(now, out);
    if (now >= this.#at && !this.#isWriting) this.#save(now, out);
  }

  /** Saves all as the agent stops. The effects go before all from index `from` on: after `stopped` nothing is saved any more. */
  flush(now: Millis, out: Effect[], from: number): void {
    if (!this.#isEnabled) return;
    const last: Effect[] = [];
    this.#save(now, last);
    if (this.#source.catalogSummary !== this.#summary) this.#saveCatalog(now, last);
    out.splice(from, 0, ...last);
  }

  /** Whether the last snapshot lacks something that commands rely on. */
  get #isUnsaved(): boolean {
    return this.#source.commandRevision !== this.#saved?.commandRevision;
  }

  #save(now: Millis, out: Effect[]): void {
    const { revision, commandRevision } = this.#source;
    const snapshot = this.#source.compose(now);
    this.#latest += 1;
    if (this.#isUnsaved) this.#needed = this.#latest;
    this.#saved = { revision, commandRevision };
    this.#isWriting = true;
    this.#at = NEVER;
    this.#interval = INTERVAL;
    this.#pausedUntil = now + PAUSE_PER_ENTRY * countEntries(snapshot);
    out.push({ kind: 'saveSnapshot', revision: this.#latest, snapshot });
  }

  #saveCatalog(now: Millis, out: Effect[]): void {
    this.#catalogAt = NEVER;
    this.#catalogSavedAt = now;
    this.#summary = this.#source.catalogSummary;
    out.push({ kind: 'saveCatalog', bytes: this.#source.composeCatalog() });
  }
}

const countEntries = ({ registered, peers }: Snapshot): number =>
  peers.length + (registered === undefined ? 0 : registered.services.length + registered.states.length);

/** A command that was executed, and what it returns besides. */
interface Acknowledgement {
  readonly request: RequestId;
  readonly value: ReloadOutcome | undefined;
}

const replySaved = ({ request, value }: Acknowledgement, out: Effect[]): void =>
  reply(request, value === undefined ? { ok: true } : { ok: true, value }, out);

const replyUnsaved = ({ request, value }: Acknowledgement, unsaved: string, out: Effect[]): void =>
  reply(request, { ok: true, value: { ...value, unsaved } }, out);
