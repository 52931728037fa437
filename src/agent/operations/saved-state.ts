/** What a snapshot holds: the state by which a restarted agent finds its cluster again, and keeps what it has acknowledged. */
import type { Millis } from '../../base/time.ts';
import type { Serf } from '../../serf/serf.ts';
import type { Swim } from '../../swim/swim.ts';
import type { PreviousNode, Snapshot } from '../contract/machine.ts';
import type { MemberStatus } from '../contract/member-status.ts';
import type { View } from '../contract/view.ts';
import type { ServiceLayer } from '../replication/services.ts';
import type { MemberCommands } from './member-commands.ts';
import type { SnapshotSource } from './snapshots.ts';

export interface SavedParts {
  readonly swim: Swim;
  readonly serf: Serf;
  readonly services: ServiceLayer;
  readonly members: MemberCommands;
  readonly view: View;
}

const UP: ReadonlySet<MemberStatus> = new Set<MemberStatus>(['alive', 'suspect', 'away']);

const HAS_LEFT: ReadonlySet<MemberStatus> = new Set<MemberStatus>(['leaving', 'left']);

/** The state of one agent as snapshots see it. */
export class SavedState implements SnapshotSource {
  readonly #parts: SavedParts;
  /** The start by both clocks: snapshots have times of the wall clock. */
  readonly #boot: { readonly startedAt: number; readonly now: Millis };

  constructor(parts: SavedParts, { startedAt, now }: { readonly startedAt: number; readonly now: Millis }) {
    this.#parts = parts;
    this.#boot = { startedAt, now };
  }

  /** The incarnation rises by refutations, too: after a crash peers would refuse all that is said at a lower one (I3). */
  get revision(): number {
    const { services, members, swim } = this.#parts;
    return services.revision + members.tagsRevision + swim.incarnation;
  }

  get commandRevision(): number {
    return this.#parts.services.commandRevision + this.#parts.members.tagsRevision;
  }

  get catalogSummary(): Uint8Array {
    return this.#parts.services.summary;
  }

  compose(now: Millis): Snapshot {
    const { swim, serf, services, members, view } = this.#parts;
    const { registered, external, epoch, jobs } = services.localSnapshot(now);
    return {
      incarnation: swim.incarnation,
      clocks: serf.clocks,
      peers: this.#peers(),
      ...(HAS_LEFT.has(view.self().serf.status) ? { left: true } : {}),
      registered,
      ...(external.length > 0 && { external }),
      ...(jobs !== undefined && { jobs }),
      tags: members.savedTags,
      epoch,
      at: this.#boot.startedAt + (now - this.#boot.now),
    };
  }

  composeCatalog(): Uint8Array {
    return this.#parts.services.catalogSnapshot();
  }

  #peers(): readonly PreviousNode[] {
    const { view, services } = this.#parts;
    const known: readonly PreviousNode[] = view
      .members()
      .filter(({ name, status }) => name !== view.node && status !== 'left')
      .map(({ name, address: { key: addr }, status }) =>
        UP.has(status) ? { name, addr } : { name, addr, down: true },
      );
    return [...known, ...services.restoredCatalog.previousNodes(known.length === 0)];
  }
}
