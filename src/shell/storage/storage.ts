/**
 * The data directory: the snapshot, the catalog and the gossip keys that survive a restart. A failing disk never stops the agent: it goes
 * on in memory, reports the failure once, and retries. A directory that it must not use stops the start.
 */
import { join } from 'node:path';
import type { Snapshot } from '../../agent/contract/machine.ts';
import type { StoredKeyring } from '../../agent/operations/restore-keys.ts';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import { KEYRING_NAME } from '../../config/schema.ts';
import type { Journal } from '../logging/journal.ts';
import { DISK, type Disk } from './disk.ts';
import { assertTrustedOwner } from './file-owner.ts';
import { decodeStoredKeyring, encodeStoredKeyring } from './keyring.ts';
import { decodeCatalogFile, decodeSnapshotFile, encodeCatalogFile, encodeSnapshotFile } from './snapshot.ts';
import { FileWriter, type FileWriterOptions, type OnWritten, syncDirectory } from './writer.ts';

export interface Storage {
  /** The state that the last run saved. */
  readonly snapshot: Snapshot | undefined;
  /** Other members' services that the last run saved. The snapshot is used without it, too. */
  readonly catalog: Uint8Array | undefined;
  /** The gossip keys that the last run stored. `unreadable`: the disk does not say whether there are any. */
  readonly keyring: StoredKeyring | 'unreadable' | undefined;
  /** One clause for each problem with the disk; empty if there is none. */
  readonly degraded: readonly string[];
  /** Saves the newest state at once. Calls `onWritten` when it survives a crash; it is not called for one that a newer one replaced. */
  save(snapshot: Snapshot, onWritten?: OnWritten): void;
  /** Saves the newest catalog in the same way. `bytes` must not change afterwards. */
  saveCatalog(bytes: Uint8Array): void;
  /** Saves the newest keyring. Calls `onStored` once: it survives a crash, or does not yet for a reason, and is tried again. */
  saveKeyring(keyring: StoredKeyring, onStored: (error?: string) => void): void;
  /** Writes what is pending, for at most 5 s, and releases the lock. Never rejects. */
  close(): Promise<void>;
}

export interface StorageOptions extends FileWriterOptions {
  readonly disk?: Disk;
}

/** A larger file is not read: the agent writes none of this size. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/**
 * Rejects with `AgentError('config')` if the directory must not be used: another user owns it or can write to it, another
 * agent uses it, it is no directory, or its keyring is damaged. A failing disk is not an error here.
 */
export async function openStorage(
  dir: string,
  record: Journal['record'],
  { disk = DISK, ...options }: StorageOptions = {},
): Promise<Storage> {
  const writer = new FileWriter(disk, dir, record, options);
  const release = await lockDirectory(disk, dir, record, writer);
  const isFailing = writer.degraded.length > 0; // reported already
  const readChecked = async <T>(
    file: string,
    decode: (bytes: Uint8Array) => T | string,
  ): Promise<T | undefined> => {
    const read = await readFile(disk, join(dir, file));
    if (read === undefined) return undefined;
    const contents = typeof read === 'string' ? read : decode(read);
    if (typeof contents !== 'string') return contents;
    await quarantine(disk, join(dir, file));
    if (!isFailing) record({ kind: 'snapshotQuarantined', file: join(dir, file), reason: contents });
    writer.recordDamage(file, contents);
    return undefined;
  };
  try {
    // A process that was killed may have renamed a file and not synced the directory: what is served from it now must not be undone.
    if (!isFailing)
      await syncDirectory(disk, dir).catch((error: unknown) => writer.recordFailure(errorCode(error)));
    const snapshot = await readChecked('snapshot', decodeSnapshotFile);
    const catalog = await readChecked('catalog', decodeCatalogFile);
    const file = join(dir, KEYRING_NAME);
    const read = await readFile(disk, file);
    if (typeof read === 'string' && !isFailing) record({ kind: 'keyringUnreadable', file, reason: read });
    const keyring = typeof read === 'string' ? 'unreadable' : read && decodeStoredKeyring(file, read);
    return {
      ...{ snapshot, catalog, keyring },
      get degraded() {
        return writer.degraded;
      },
      save: (fresh, onWritten) => writer.write('snapshot', () => encodeSnapshotFile(fresh), onWritten),
      saveCatalog: (bytes) => writer.write('catalog', () => encodeCatalogFile(bytes)),
      saveKeyring: createKeyringSaver(writer),
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

/** Errors that the operator has to correct: a retry would not help. */
const CONFIG_ERRORS: ReadonlySet<string> = new Set([
  ...[
    'EACCES',
    'EPERM',
    'ENOENT',
    'ENOTDIR',
    'EEXIST',
    'ELOOP',
    'ENAMETOOLONG',
    'EINVAL',
    'ERR_INVALID_ARG_VALUE',
  ],
]);

/** Where parents are made, a missing one is a link that leads nowhere, or stands in a place that takes no entries, as /proc. */
const describeCode = (code: string): string =>
  code === 'ENOENT' ? 'ENOENT: it cannot be created there, or is a link to nothing' : code;

const GROUP_OR_OTHERS = 0o077;
const REMEDY = 'chmod 700 it, or choose another directory with --data-dir';

/** Returns a function that releases the lock. */
async function lockDirectory(
  disk: Disk,
  dir: string,
  record: Journal['record'],
  writer: FileWriter,
): Promise<() => void> {
  try {
    await disk.makeDirectory(dir);
    const stats = await disk.stat(dir);
    assertTrustedOwner(stats, `the data directory ${dir}`, REMEDY);
    if ((stats.mode & GROUP_OR_OTHERS) !== 0) record({ kind: 'dataDirectoryExposed', file: dir });
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = errorCode(error);
    if (CONFIG_ERRORS.has(code))
      throw new AgentError(
        'config',
        `the data directory ${dir} cannot be used (${describeCode(code)}): choose another directory with --data-dir`,
      );
    writer.recordFailure(code);
    return () => {};
  }
  const lock = await disk.lock(join(dir, 'lock'));
  switch (lock.kind) {
    case 'held':
      return lock.release;
    case 'unavailable':
      record({ kind: 'storageLockUnavailable', reason: lock.reason });
      return () => {};
    case 'heldByOther': {
      const holder = lock.pid === undefined ? 'which does not answer' : `pid ${lock.pid}`;
      throw new AgentError(
        'config',
        `the data directory ${dir} is used by another agent (${holder}): stop it, or choose another directory with --data-dir`,
      );
    }
  }
}

/** A write that a later one replaces is done when that one is: it has the newer keys. */
function createKeyringSaver(writer: FileWriter): Storage['saveKeyring'] {
  let waiting: ((error?: string) => void)[] = [];
  return (keyring, onStored) => {
    waiting.push(onStored);
    const upToHere = waiting;
    writer.write(
      KEYRING_NAME,
      () => {
        if (waiting === upToHere) waiting = []; // what is asked for from now on is in the next write
        return encodeStoredKeyring(keyring);
      },
      (error) => {
        for (const done of upToHere.splice(0))
          done(error === undefined ? undefined : `the data directory cannot be written (${error})`);
      },
    );
  };
}

/** Resolves to the contents, to `undefined` if there is no such file, or to a clause that says why it cannot be read. */
async function readFile(disk: Disk, path: string): Promise<Uint8Array | string | undefined> {
  try {
    const stats = await disk.stat(path);
    if (!stats.isFile()) return 'it is not a file';
    assertTrustedOwner(stats, path, 'chmod 600 it');
    if (stats.size > MAX_FILE_BYTES) return 'the file is too large';
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

/** Renames a corrupt file to `NAME.bad`, for inspection; it replaces an earlier one. */
async function quarantine(disk: Disk, path: string): Promise<void> {
  // If the rename fails, the next write replaces the file.
  await disk.rename(path, `${path}.bad`).catch(() => {});
}
