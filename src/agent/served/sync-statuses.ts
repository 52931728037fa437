/** Sync statuses: each is opened by a command, follows what members acknowledge, and ends when all do or its time is over. */
import { AgentError } from '../../base/errors.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { CatalogView } from '../../catalog/types.ts';
import type { Serf } from '../../serf/serf.ts';
import type { QueryReport, SerfEffect } from '../../serf/types.ts';
import type { SyncStatus, SyncSubject } from '../contract/sync-status.ts';
import { ServedAsker } from './asker.ts';
import { type Ledgers, VersionTimes, wantedVersions } from './subjects.ts';
import { judge, type WantedVersion } from './verdict.ts';

/** Open statuses. They share their questions, so that many of them cost the others no more than one. */
const MAX_OPEN = 256;
/** Statuses that have ended and can still be read. */
const MAX_ENDED = 64;
/** Members that came, went or failed are noticed at the next look. */
const LOOK_INTERVAL: Millis = 500;
/** In large clusters several answers share a look, which goes through all members. */
const MEMBERS_PER_MS = 50;

interface OpenStatus {
  readonly id: number;
  readonly wanted: readonly WantedVersion[];
  readonly openedAt: Millis;
  readonly endsAt: Millis;
  /** What was last read; `undefined`: it has changed since. */
  judged: SyncStatus | undefined;
}

export interface SyncSources {
  readonly self: string;
  readonly serf: Serf;
  readonly ledgers: Ledgers;
  readonly view: CatalogView;
  /** A status has ended, and can still be read. */
  onEnded(id: number): void;
}

export class SyncStatuses {
  readonly #sources: SyncSources;
  readonly #asker: ServedAsker;
  readonly #times = new VersionTimes();
  readonly #open = new Map<number, OpenStatus>();
  readonly #ended = new Map<number, SyncStatus>();
  #version = -1;
  #lastId = 0;
  /** When the open statuses are to be looked at again. */
  #lookAt: Millis = NEVER;
  #lookedAt: Millis = 0;

  constructor(sources: SyncSources) {
    this.#sources = sources;
    this.#asker = new ServedAsker(sources.serf, sources.self, sources.ledgers);
  }

  get deadline(): Millis {
    if (this.#open.size === 0) return NEVER;
    let earliest = Math.min(this.#asker.deadline, this.#lookAt);
    for (const { endsAt } of this.#open.values()) earliest = Math.min(earliest, endsAt);
    return earliest;
  }

  /** As of the last input; `undefined`: unknown, or ended long ago. */
  get(id: number): SyncStatus | undefined {
    const open = this.#open.get(id);
    return open === undefined ? this.#ended.get(id) : this.#judge(open, false);
  }

  /** Throws `AgentError`; then nobody is asked. */
  open(subject: SyncSubject, wait: Millis, now: Millis): SyncStatus {
    if (this.#open.size >= MAX_OPEN)
      throw new AgentError(
        'conflict',
        `${MAX_OPEN} sync statuses of this agent are open, which is the limit: try again later`,
      );
    this.#recordVersion(now);
    const wanted = wantedVersions(subject, { ...this.#sources, times: this.#times }, now);
    this.#lastId += 1;
    const status = { id: this.#lastId, wanted, openedAt: now, endsAt: now + wait, judged: undefined };
    this.#open.set(status.id, status);
    this.#lookedAt = now;
    this.#lookAt = now;
    return this.#judge(status, false);
  }

  /** Nobody reads it any more. */
  close(id: number): void {
    this.#open.delete(id);
    this.#ended.delete(id);
    if (this.#open.size === 0) this.#asker.reset();
  }

  onQueryUpdated(query: QueryReport, now: Millis): void {
    if (!this.#asker.onQueryUpdated(query, now)) return;
    const pause = Math.floor(this.#sources.serf.view.size / MEMBERS_PER_MS);
    this.#lookAt = Math.min(this.#lookAt, Math.max(now, this.#lookedAt + pause));
  }

  /** To be called after each input. */
  advance(now: Millis, out: SerfEffect[]): void {
    this.#recordVersion(now);
    if (now < this.deadline) return;
    this.#lookedAt = now;
    this.#lookAt = now + LOOK_INTERVAL;
    for (const status of [...this.#open.values()]) this.#look(status, now);
    if (this.#open.size === 0) return this.#asker.reset();
    const all = [...this.#open.values()];
    const openedAt = Math.min(...all.map((one) => one.openedAt));
    this.#asker.ask(
      all.flatMap(({ wanted }) => wanted),
      openedAt,
      now,
      out,
    );
  }

  #look(status: OpenStatus, now: Millis): void {
    status.judged = undefined;
    const { done } = this.#judge(status, false);
    if (!done && now < status.endsAt) return;
    this.#open.delete(status.id);
    this.#ended.set(status.id, this.#judge({ ...status, judged: undefined }, true));
    for (const id of this.#ended.keys()) if (this.#ended.size > MAX_ENDED) this.#ended.delete(id);
    this.#sources.onEnded(status.id);
  }

  #judge(status: OpenStatus, finished: boolean): SyncStatus {
    if (status.judged !== undefined) return status.judged;
    const { id, wanted, openedAt } = status;
    const witnesses = this.#asker.witnesses(openedAt, this.#lookedAt);
    status.judged = { id, finished, ...judge(wanted, witnesses, openedAt, this.#lookedAt) };
    return status.judged;
  }

  #recordVersion(now: Millis): void {
    const { version } = this.#sources.ledgers;
    if (version === this.#version) return;
    this.#version = version;
    this.#times.record(version, now);
  }
}
