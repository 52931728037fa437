/**
 * Writes the newest contents of each file by atomic rename, one write at a time: what comes meanwhile is in the next one (group
 * commit). While the disk fails it retries.
 */
import { dirname, join } from 'node:path';
import { errorCode } from '../../base/errno.ts';
import type { Millis } from '../../base/time.ts';
import type { Journal } from '../logging/journal.ts';
import type { Disk } from './disk.ts';

export interface FileWriterOptions {
  /** Pause between two rounds while the disk fails. */
  readonly retryInterval?: Millis;
  /** A round that takes longer counts as a failure of the disk until it ends. */
  readonly slowWriteTimeout?: Millis;
}

/** Called when the contents are durable, or with the reason why they are not yet; then it is called again after each retry. */
export type OnWritten = (error?: string) => void;

interface Job {
  readonly contents: () => Uint8Array;
  readonly onWritten: OnWritten;
}

const RETRY_INTERVAL: Millis = 5_000;
const SLOW_WRITE_TIMEOUT: Millis = 5_000;
/** Time for the last round, when the agent stops. */
const FLUSH_TIMEOUT: Millis = 5_000;

export class FileWriter {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #record: Journal['record'];
  readonly #retryInterval: Millis;
  readonly #slowWriteTimeout: Millis;
  readonly #pending = new Map<string, Job>();
  #retryTimer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;
  #failure: string | undefined;
  /** Files that were quarantined, with the reason. */
  readonly #damaged = new Map<string, string>();

  constructor(disk: Disk, dir: string, record: Journal['record'], options: FileWriterOptions) {
    this.#disk = disk;
    this.#dir = dir;
    this.#record = record;
    this.#retryInterval = options.retryInterval ?? RETRY_INTERVAL;
    this.#slowWriteTimeout = options.slowWriteTimeout ?? SLOW_WRITE_TIMEOUT;
  }

  /** One clause for each problem that is not over. */
  get degraded(): readonly string[] {
    const damaged = [...this.#damaged].map(([file, reason]) => `${file} was quarantined: ${reason}`);
    if (this.#failure === undefined) return damaged;
    return [`the data directory cannot be used, state is in memory only: ${this.#failure}`, ...damaged];
  }

  /** Writes at once, after the round that is under way, or at the next retry. Replaces what is pending for this file. */
  write(file: string, contents: () => Uint8Array, onWritten: OnWritten = () => {}): void {
    if (this.#closed) return;
    this.#pending.set(file, { contents, onWritten });
    if (this.#retryTimer === undefined && this.#writing === undefined) this.#startRound();
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
    clearTimeout(this.#retryTimer);
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

  #startRound(): void {
    this.#writing = this.#writePending().finally(() => {
      this.#writing = undefined;
      if (this.#closed || this.#pending.size === 0) return;
      if (this.#failure === undefined) return this.#startRound();
      this.#retryTimer = setTimeout(() => {
        this.#retryTimer = undefined;
        this.#startRound();
      }, this.#retryInterval);
      this.#retryTimer.unref();
    });
  }

  async #writePending(): Promise<void> {
    const round = [...this.#pending];
    const unreported = new Set(round.map(([, job]) => job));
    let succeeded = true;
    const fail = (reason: string): void => {
      succeeded = false;
      this.recordFailure(reason);
      for (const [, { onWritten }] of round) onWritten(reason);
    };
    const slow = setTimeout(() => fail('a write takes too long'), this.#slowWriteTimeout);
    slow.unref();
    for (const [file, job] of round) {
      try {
        await writeFileAtomic(this.#disk, join(this.#dir, file), job.contents());
      } catch (error) {
        fail(errorCode(error));
        continue; // another file may be smaller and fit
      }
      // A file that was written too slowly stays pending, so that the next round shows whether the disk has recovered.
      if (succeeded && this.#pending.get(file) === job) this.#pending.delete(file);
      if (this.#failure === undefined && unreported.delete(job)) job.onWritten();
    }
    clearTimeout(slow);
    if (!succeeded) return;
    this.#damaged.clear();
    if (this.#failure !== undefined) this.#record({ kind: 'storageRecovered' });
    this.#failure = undefined;
    for (const { onWritten } of unreported) onWritten();
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
  await syncDirectory(disk, dirname(path)); // makes the rename durable
}

export async function syncDirectory(disk: Disk, directory: string): Promise<void> {
  try {
    await disk.syncDirectory(directory);
  } catch (error) {
    if (!NO_DIRECTORY_SYNC.has(errorCode(error))) throw error;
  }
}

/** Some file systems cannot sync a directory, and need not: the file is complete. */
const NO_DIRECTORY_SYNC: ReadonlySet<string> = new Set(['EINVAL', 'ENOTSUP', 'ENOSYS', 'EBADF']);
