/**
 * The data directory: the snapshot and the catalogue that survive a restart. A disk that fails never stops the agent: it
 * goes on from memory, says so once, and tries again. A directory that is not ours to use does stop it, before it starts.
 */
import { join } from 'node:path';
import type { Snapshot } from '../../agent/contract/machine.ts';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import type { Journal } from '../logging/journal.ts';
import { DISK, type Disk } from './disk.ts';
import { assertTrustedOwner } from './file-owner.ts';
import { decodeCatalogFile, decodeSnapshotFile, encodeCatalogFile, encodeSnapshotFile } from './snapshot.ts';
import { FileWriter, type FileWriterOptions } from './writer.ts';

export interface Storage {
  /** What was remembered last time. */
  readonly snapshot: Snapshot | undefined;
  /** What was remembered of others' services. Its absence or damage leaves the snapshot as it is. */
  readonly catalog: Uint8Array | undefined;
  /** One clause for each trouble with the disk; empty when all is well. */
  readonly degraded: readonly string[];
  /** Remembers the newest; written soon, never more often than once a second. */
  save(snapshot: Snapshot): void;
  /** Likewise, of the catalogue. `bytes` must not be changed afterwards. */
  saveCatalog(bytes: Uint8Array): void;
  /** Writes what is pending, for at most 5 s, and lets go of the directory. Never rejects. */
  close(): Promise<void>;
}

export interface StorageOptions extends FileWriterOptions {
  readonly disk?: Disk;
}

/** Larger than any file of ours: not even read. */
const MAX_FILE = 64 * 1024 * 1024;

/**
 * Rejects with `AgentError('config')` if the directory is not ours to use: of another user or writable by one, used by
 * another agent, or no directory. A failing disk is no such reason.
 */
export async function openStorage(
  dir: string,
  note: Journal['record'],
  { disk = DISK, ...options }: StorageOptions = {},
): Promise<Storage> {
  const writer = new FileWriter(disk, dir, note, options);
  const release = await openDirectory(disk, dir, note, writer);
  const isFailing = writer.degraded.length > 0; // already said
  const readSealed = async <T>(
    file: string,
    unpack: (bytes: Uint8Array) => T | string,
  ): Promise<T | undefined> => {
    const read = await readFile(disk, join(dir, file));
    if (read === undefined) return undefined;
    const contents = typeof read === 'string' ? read : unpack(read);
    if (typeof contents !== 'string') return contents;
    await quarantine(disk, join(dir, file));
    if (!isFailing) note({ kind: 'snapshotQuarantined', file: join(dir, file), reason: contents });
    writer.recordDamage(file, contents);
    return undefined;
  };
  try {
    const snapshot = await readSealed('snapshot', decodeSnapshotFile);
    const catalog = await readSealed('catalog', decodeCatalogFile);
    return {
      snapshot,
      catalog,
      get degraded() {
        return writer.degraded;
      },
      save: (fresh) => writer.scheduleWrite('snapshot', () => encodeSnapshotFile(fresh)),
      saveCatalog: (bytes) => writer.scheduleWrite('catalog', () => encodeCatalogFile(bytes)),
      close: async () => {
        await writer.close();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** The operator's doing and not the disk's: trying again would not help. */
const MISTAKES: ReadonlySet<string> = new Set([
  ...['EACCES', 'EPERM', 'ENOTDIR', 'EEXIST', 'ELOOP', 'ENAMETOOLONG', 'EINVAL', 'ERR_INVALID_ARG_VALUE'],
]);

const REMEDY = 'chmod 700 it, or choose another with --data-dir';

/** Returns what lets go of the directory. */
async function openDirectory(
  disk: Disk,
  dir: string,
  note: Journal['record'],
  writer: FileWriter,
): Promise<() => void> {
  try {
    await disk.makeDirectory(dir);
    assertTrustedOwner(await disk.stat(dir), `the data directory ${dir}`, REMEDY);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = errorCode(error);
    if (MISTAKES.has(code))
      throw new AgentError(
        'config',
        `the data directory ${dir} cannot be used (${code}): choose another with --data-dir`,
      );
    writer.recordFailure(code);
    return () => {};
  }
  const lock = await disk.lock(join(dir, 'lock'));
  switch (lock.kind) {
    case 'held':
      return lock.release;
    case 'none':
      note({ kind: 'storageLockUnavailable', reason: lock.why });
      return () => {};
    case 'taken': {
      const whose = lock.pid === undefined ? 'which does not answer' : `pid ${lock.pid}`;
      throw new AgentError(
        'config',
        `the data directory ${dir} is used by another agent (${whose}): stop that one, or choose another with --data-dir`,
      );
    }
  }
}

/** The contents; `undefined` if there is no such file; else a clause that says why there are none. */
async function readFile(disk: Disk, path: string): Promise<Uint8Array | string | undefined> {
  try {
    const look = await disk.stat(path);
    if (!look.isFile()) return 'it is not a file';
    assertTrustedOwner(look, path, 'chmod 600 it');
    if (look.size > MAX_FILE) return 'the file is too large';
    return await disk.read(path);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = errorCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES')
      throw new AgentError('config', `${path} cannot be read (${code}): chown it to the user of the agent`);
    return `it cannot be read (${code})`;
  }
}

/** As `NAME.bad`, in the place of an earlier one: for a look at it, and out of the way of the next. */
async function quarantine(disk: Disk, path: string): Promise<void> {
  // If even this fails the next write replaces the file anyway.
  await disk.rename(path, `${path}.bad`).catch(() => {});
}
