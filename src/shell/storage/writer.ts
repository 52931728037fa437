/** Writes the newest contents of each file by atomic rename, one write at a time, and retries while the disk fails. */
import { dirname, join } from 'node:path';
import { errorCode } from '../../base/errno.ts';
import type { Millis } from '../../base/time.ts';
import type { Journal } from '../logging/journal.ts';
import type { Disk } from './disk.ts';

export interface FileWriterOptions {
  /** Pause between two rounds of writing. */
  readonly writeInterval?: Millis;
  /** Pause between two rounds while the disk fails. */
  readonly retryInterval?: Millis;
  /** A round that takes longer counts as a failure of the disk until it ends. */
  readonly slowWriteTimeout?: Millis;
}

const WRITE_INTERVAL: Millis = 1_000;
const RETRY_INTERVAL: Millis = 5_000;
const SLOW_WRITE_TIMEOUT: Millis = 5_000;
/** Time for the last round, when the agent stops. */
const FLUSH_TIMEOUT: Millis = 5_000;

export class FileWriter {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #record: Journal['record'];
  readonly #writeInterval: Millis;
  readonly #retryInterval: Millis;
  readonly #slowWriteTimeout: Millis;
  readonly #pending = new Map<string, () => Uint8Array>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #writtenAt: Millis = Number.NEGATIVE_INFINITY;
  #closed = false;
  #failure: string | undefined;
  /** Files that were quarantined, with the reason. */
  readonly #damaged = new Map<string, string>();

  constructor(disk: Disk, dir: string, record: Journal['record'], options: FileWriterOptions) {
    this.#disk = disk;
    this.#dir = dir;
    this.#record = record;
    this.#writeInterval = options.writeInterval ?? WRITE_INTERVAL;
    this.#retryInterval = options.retryInterval ?? RETRY_INTERVAL;
    this.#slowWriteTimeout = options.slowWriteTimeout ?? SLOW_WRITE_TIMEOUT;
  }

  /** One clause for each problem that is not over. */
  get degraded(): readonly string[] {
    const damaged = [...this.#damaged].map(([file, reason]) => `${file} was quarantined: ${reason}`);
    if (this.#failure === undefined) return damaged;
    return [`the data directory cannot be used, state is in memory only: ${this.#failure}`, ...damaged];
  }

  scheduleWrite(file: string, contents: () => Uint8Array): void {
    if (this.#closed) return;
    this.#pending.set(file, contents);
    this.#scheduleRound();
  }

  /** Reports a corrupt file as degraded, until the next successful write. */
  recordDamage(file: string, reason: string): void {
    this.#damaged.set(file, reason);
  }

  /** Logs a failure when it begins, and not while it lasts. */
  recordFailure(reason: string): void {
    if (this.#failure === undefined) this.#record({ kind: 'storageFailed', reason });
    this.#failure = reason;
  }

  /** Writes what is pending, for a limited time. Never rejects; no write starts afterwards. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FLUSH_TIMEOUT);
    });
    await Promise.race([this.#flush(), timeout]);
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
    let succeeded = true;
    const slow = setTimeout(() => {
      succeeded = false;
      this.recordFailure('a write takes too long');
    }, this.#slowWriteTimeout);
    slow.unref();
    for (const [file, contents] of [...this.#pending]) {
      try {
        await writeFileAtomic(this.#disk, join(this.#dir, file), contents());
      } catch (error) {
        this.recordFailure(errorCode(error));
        succeeded = false; // another file may be smaller and fit
        continue;
      }
      // A file that was written too slowly stays pending, so that the next round shows whether the disk has recovered.
      if (succeeded && this.#pending.get(file) === contents) this.#pending.delete(file);
    }
    clearTimeout(slow);
    if (!succeeded) return;
    this.#damaged.clear();
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#record({ kind: 'storageRecovered' });
  }
}

/** Atomic write: after a crash at any point the file has its old or its new contents. */
export async function writeFileAtomic(disk: Disk, path: string, contents: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  await disk.makeDirectory(dirname(path));
  await disk.remove(temporary);
  try {
    await disk.create(temporary, contents);
    await disk.rename(temporary, path);
  } catch (error) {
    await disk.remove(temporary).catch(() => {});
    throw error;
  }
  // fsync of the directory makes the rename durable. Where a directory cannot be synced, the file is still complete.
  await disk.syncDirectory(dirname(path)).catch(() => {});
}
