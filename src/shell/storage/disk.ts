/** The disk operations in use, with what each guarantees after a crash, as an interface: tests make any of them fail. */
import { constants } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../../base/errno.ts';
import type { FileOwnership } from './file-owner.ts';
import { acquireLock, type Lock } from './lock.ts';

/** All operations reject with Node's errors, with a `code`. */
export interface Disk {
  /** Creates a directory and its parents, mode 0700. Does nothing if it exists. */
  makeDirectory(path: string): Promise<void>;
  stat(path: string): Promise<FileStats>;
  /** A link is refused (ELOOP): no other file takes the place of one of ours. */
  read(path: string): Promise<Uint8Array>;
  /** Creates a new file, mode 0600. When this resolves, its contents are durable (fsync). */
  create(path: string, contents: Uint8Array): Promise<void>;
  /** Replaces `to` atomically. It is durable only after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  /** Does nothing if there is no such file. */
  remove(path: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
  /** Allows one holder for each path, among all processes of this host. */
  lock(path: string): Promise<Lock>;
}

/** The metadata of a file, with its owner and mode. */
export interface FileStats extends FileOwnership {
  readonly size: number;
  isFile(): boolean;
}

/** Node's own recursive mkdir never ends where a parent exists and takes no entries, as /proc. */
async function makeDirectory(path: string): Promise<void> {
  const make = (): Promise<string | undefined> =>
    mkdir(path, { mode: 0o700 }).then(() => undefined, errorCode);
  let failure = await make();
  if (failure === 'ENOENT' && dirname(path) !== path) {
    await makeDirectory(dirname(path));
    failure = await make();
  }
  if (failure === undefined || (failure === 'EEXIST' && (await stat(path)).isDirectory())) return;
  throw Object.assign(new Error(`${failure}: mkdir ${path}`), { code: failure });
}

export const DISK: Disk = {
  makeDirectory,
  stat: (path) => stat(path),
  read: (path) => readFile(path, { flag: constants.O_RDONLY | constants.O_NOFOLLOW }),
  create: async (path, contents) => {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(contents);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  syncDirectory: async (path) => {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  lock: acquireLock,
};
