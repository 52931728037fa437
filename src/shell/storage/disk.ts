/** The few things we do to a disk, as an interface: what each means after a crash is said here, and tests can fail any of them. */
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import type { FileOwnership } from './file-owner.ts';
import { acquireLock, type Lock } from './lock.ts';

/** Everything rejects with Node's errors, whose `code` says why. */
export interface Disk {
  /** With its parents; nothing if it is there. For its owner alone. */
  makeDirectory(path: string): Promise<void>;
  stat(path: string): Promise<FileStats>;
  read(path: string): Promise<Uint8Array>;
  /** A file that was not there, readable by its owner alone. When this resolves its contents outlast a crash. */
  create(path: string, contents: Uint8Array): Promise<void>;
  /** Replaces `to` at once. Outlasts a crash only after `sync` of the directory. */
  rename(from: string, to: string): Promise<void>;
  /** Nothing if it is not there. */
  remove(path: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
  /** One holder for each path, among all processes of this machine. */
  lock(path: string): Promise<Lock>;
}

/** What is there, and who may write it. */
export interface FileStats extends FileOwnership {
  readonly size: number;
  isFile(): boolean;
}

export const DISK: Disk = {
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  stat: (path) => stat(path),
  read: (path) => readFile(path),
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
