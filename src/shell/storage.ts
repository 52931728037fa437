/**
 * The data directory: this node's id, the snapshot and the catalogue that survive a restart. A disk that fails never stops the
 * agent: it goes on from memory, says so once, and tries again.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Snapshot } from '../agent/types.ts';
import { AgentError } from '../base/errors.ts';
import type { Millis } from '../base/time.ts';
import type { Journal } from './journal.ts';
import { refuseForeign } from './owner.ts';
import { packCatalog, packSnapshot, unpackCatalog, unpackSnapshot } from './snapshot.ts';
import { codeOf } from './udp.ts';

export interface Storage {
  /** Names this installation: a UUID, the same after each restart. */
  readonly nodeId: string;
  /** What was remembered last time. */
  readonly snapshot: Snapshot | undefined;
  /** What was remembered of others' services. Its absence or damage leaves the snapshot as it is. */
  readonly catalog: Uint8Array | undefined;
  /** Why the disk cannot be used at the moment; `undefined` when all is well. */
  readonly degraded: string | undefined;
  /** Remembers the newest; written soon, never more often than once a second. */
  save(snapshot: Snapshot): void;
  /** Likewise, of the catalogue. `bytes` must not be changed afterwards. */
  saveCatalog(bytes: Uint8Array): void;
  /** Writes what is pending, for at most `FLUSH_TIMEOUT`. Never rejects; nothing is written later on. */
  close(): Promise<void>;
}

export interface StorageOptions {
  readonly writeInterval?: Millis;
  readonly retryInterval?: Millis;
}

const WRITE_INTERVAL: Millis = 1_000;
const RETRY_INTERVAL: Millis = 5_000;
const FLUSH_TIMEOUT: Millis = 5_000;
/** Larger than any file of ours: not even read. */
const MAX_FILE = 64 * 1024 * 1024;

/** Rejects with `AgentError('config')` if the directory is not ours to use; a failing disk is no such reason. */
export async function openStorage(
  dir: string,
  note: Journal['note'],
  options: StorageOptions = {},
): Promise<Storage> {
  const writer = new Writer(dir, note, options);
  await prepare(dir).catch((error: unknown) => {
    if (error instanceof AgentError) throw error;
    if (!DISK_FAULTS.has(codeOf(error)))
      throw new AgentError(
        'config',
        `the data directory ${dir} cannot be used (${codeOf(error)}): choose another with --data-dir`,
      );
    writer.failed(error);
  });
  const nodeId = await readNodeId(join(dir, 'node-id'), writer);
  const snapshot = await readSealed(join(dir, 'snapshot'), unpackSnapshot, note, writer);
  const catalog = await readSealed(join(dir, 'catalog'), unpackCatalog, note, writer);
  return {
    nodeId,
    snapshot,
    catalog,
    get degraded() {
      return writer.degraded;
    },
    save: (fresh) => writer.put('snapshot', () => packSnapshot(fresh)),
    saveCatalog: (bytes) => writer.put('catalog', () => packCatalog(bytes)),
    close: () => writer.close(),
  };
}

/** The disk's fault and not the operator's: worth another try. */
const DISK_FAULTS: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE']);

async function prepare(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  refuseForeign(
    await stat(dir),
    `the data directory ${dir}`,
    'chmod 700 it, or choose another with --data-dir',
  );
}

async function readNodeId(path: string, writer: Writer): Promise<string> {
  const held = await readFile(path, 'utf8').catch(() => '');
  const id = held.trim().toLowerCase();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return id;
  const fresh = randomUUID();
  writer.put('node-id', () => new TextEncoder().encode(`${fresh}\n`));
  return fresh;
}

/** A file that is damaged is set aside as `NAME.bad`, so that the next one can be written. */
async function readSealed<T>(
  path: string,
  unpack: (bytes: Uint8Array) => T | string,
  note: Journal['note'],
  writer: Writer,
): Promise<T | undefined> {
  let bytes: Uint8Array;
  try {
    if ((await stat(path)).size > MAX_FILE) return await quarantine(path, 'the file is too large', note);
    bytes = await readFile(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') writer.failed(error);
    return undefined;
  }
  const read = unpack(bytes);
  return typeof read === 'string' ? quarantine(path, read, note) : read;
}

async function quarantine(path: string, why: string, note: Journal['note']): Promise<undefined> {
  note({ kind: 'snapshotQuarantined', file: path, why });
  // If even this fails the next write replaces the file anyway.
  await rename(path, `${path}.bad`).catch(() => {});
}

/** Writes the newest contents of each file, one write at a time, and keeps trying while the disk fails. */
class Writer {
  readonly #dir: string;
  readonly #note: Journal['note'];
  readonly #writeInterval: Millis;
  readonly #retryInterval: Millis;
  readonly #pending = new Map<string, () => Uint8Array>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #writtenAt: Millis = Number.NEGATIVE_INFINITY;
  #closed = false;
  degraded: string | undefined;

  constructor(dir: string, note: Journal['note'], options: StorageOptions) {
    this.#dir = dir;
    this.#note = note;
    this.#writeInterval = options.writeInterval ?? WRITE_INTERVAL;
    this.#retryInterval = options.retryInterval ?? RETRY_INTERVAL;
  }

  put(file: string, contents: () => Uint8Array): void {
    if (this.#closed) return;
    this.#pending.set(file, contents);
    this.#schedule();
  }

  /** One line when the trouble begins, none while it lasts. */
  failed(error: unknown): void {
    const why = codeOf(error);
    if (this.degraded === undefined) this.#note({ kind: 'storageFailed', why });
    this.degraded = why;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FLUSH_TIMEOUT);
    });
    await Promise.race([this.#finish(), patience]);
    clearTimeout(timer);
  }

  async #finish(): Promise<void> {
    await this.#writing;
    await this.#writeAll();
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined || this.#writing !== undefined) return;
    const interval = this.degraded === undefined ? this.#writeInterval : this.#retryInterval;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#writing = this.#writeAll().finally(() => {
          this.#writing = undefined;
          this.#writtenAt = performance.now();
          if (this.#pending.size > 0) this.#schedule();
        });
      },
      Math.max(0, this.#writtenAt + interval - performance.now()),
    );
    this.#timer.unref();
  }

  async #writeAll(): Promise<void> {
    let failed = false;
    for (const [file, contents] of [...this.#pending]) {
      try {
        await writeWhole(join(this.#dir, file), contents());
      } catch (error) {
        this.failed(error);
        failed = true; // another file may be smaller
        continue;
      }
      if (this.#pending.get(file) === contents) this.#pending.delete(file);
    }
    if (failed || this.degraded === undefined) return;
    this.degraded = undefined;
    this.#note({ kind: 'storageRecovered' });
  }
}

/** The old contents or the new, whatever happens in between. The file is readable by its owner alone. */
export async function writeWhole(path: string, contents: Uint8Array): Promise<void> {
  const fresh = `${path}.tmp`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(fresh, { force: true });
  try {
    const file = await open(fresh, 'wx', 0o600);
    try {
      await file.writeFile(contents);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => {});
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Makes the rename itself last. Where directories cannot be synced, the file is whole all the same. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  if (directory === undefined) return;
  await directory.sync().catch(() => {});
  await directory.close();
}
