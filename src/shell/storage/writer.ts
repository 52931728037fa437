/** Writes the newest contents of each file, one write at a time, and keeps trying while the disk fails. */
import { dirname, join } from 'node:path';
import { errorCode } from '../../base/errno.ts';
import type { Millis } from '../../base/time.ts';
import type { Journal } from '../logging/journal.ts';
import type { Disk } from './disk.ts';

export interface FileWriterOptions {
  /** Between two rounds of writing. */
  readonly writeInterval?: Millis;
  /** Likewise, while the disk fails. */
  readonly retryInterval?: Millis;
  /** A round that takes longer makes the disk a failing one until it ends. */
  readonly slowWriteTimeout?: Millis;
}

const WRITE_INTERVAL: Millis = 1_000;
const RETRY_INTERVAL: Millis = 5_000;
const SLOW_WRITE_TIMEOUT: Millis = 5_000;
/** For the last round, when the agent stops. */
const FLUSH_TIMEOUT: Millis = 5_000;

export class FileWriter {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #note: Journal['record'];
  readonly #writeInterval: Millis;
  readonly #retryInterval: Millis;
  readonly #slowWriteTimeout: Millis;
  readonly #pending = new Map<string, () => Uint8Array>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #writtenAt: Millis = Number.NEGATIVE_INFINITY;
  #closed = false;
  #failure: string | undefined;
  readonly #damaged = new Map<string, string>();

  constructor(disk: Disk, dir: string, note: Journal['record'], options: FileWriterOptions) {
    this.#disk = disk;
    this.#dir = dir;
    this.#note = note;
    this.#writeInterval = options.writeInterval ?? WRITE_INTERVAL;
    this.#retryInterval = options.retryInterval ?? RETRY_INTERVAL;
    this.#slowWriteTimeout = options.slowWriteTimeout ?? SLOW_WRITE_TIMEOUT;
  }

  /** One clause for each trouble that has not passed. */
  get degraded(): readonly string[] {
    const damaged = [...this.#damaged].map(([file, why]) => `${file} was set aside: ${why}`);
    if (this.#failure === undefined) return damaged;
    return [`the data directory cannot be used, state is in memory only: ${this.#failure}`, ...damaged];
  }

  scheduleWrite(file: string, contents: () => Uint8Array): void {
    if (this.#closed) return;
    this.#pending.set(file, contents);
    this.#scheduleRound();
  }

  /** What was in `file` is of no use. Shown until the disk has been written to. */
  recordDamage(file: string, why: string): void {
    this.#damaged.set(file, why);
  }

  /** One line when the trouble begins, none while it lasts. */
  recordFailure(why: string): void {
    if (this.#failure === undefined) this.#note({ kind: 'storageFailed', reason: why });
    this.#failure = why;
  }

  /** Writes what is pending, for a limited time. Never rejects; no write begins later on. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FLUSH_TIMEOUT);
    });
    await Promise.race([this.#flush(), patience]);
    clearTimeout(timer);
    this.#pending.clear();
  }

  async #flush(): Promise<void> {
    await this.#writing;
    await this.#writePending();
  }

  #scheduleRound(): void {
    if (this.#closed || this.#timer !== undefined || this.#writing !== undefined) return;
    const interval = this.#failure === undefined ? this.#writeInterval : this.#retryInterval;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#writing = this.#writePending().finally(() => {
          this.#writing = undefined;
          this.#writtenAt = performance.now();
          if (this.#pending.size > 0) this.#scheduleRound();
        });
      },
      Math.max(0, this.#writtenAt + interval - performance.now()),
    );
    this.#timer.unref();
  }

  async #writePending(): Promise<void> {
    let isWell = true;
    const slow = setTimeout(() => {
      isWell = false;
      this.recordFailure('a write takes too long');
    }, this.#slowWriteTimeout);
    slow.unref();
    for (const [file, contents] of [...this.#pending]) {
      try {
        await writeFileAtomic(this.#disk, join(this.#dir, file), contents());
      } catch (error) {
        this.recordFailure(errorCode(error));
        isWell = false; // another file may be smaller
        continue;
      }
      // Written too slowly it stays, so that the next round can tell whether the disk is well again.
      if (isWell && this.#pending.get(file) === contents) this.#pending.delete(file);
    }
    clearTimeout(slow);
    if (!isWell) return;
    this.#damaged.clear();
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#note({ kind: 'storageRecovered' });
  }
}

/** The old contents or the new, whatever happens in between. */
export async function writeFileAtomic(disk: Disk, path: string, contents: Uint8Array): Promise<void> {
  const fresh = `${path}.tmp`;
  await disk.makeDirectory(dirname(path));
  await disk.remove(fresh);
  try {
    await disk.create(fresh, contents);
    await disk.rename(fresh, path);
  } catch (error) {
    await disk.remove(fresh).catch(() => {});
    throw error;
  }
  // Makes the rename itself last. Where directories cannot be synced, the file is whole all the same.
  await disk.syncDirectory(dirname(path)).catch(() => {});
}
