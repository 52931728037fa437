/** Reads a file whose content is believed: nobody else could have written it, and it is a plain file. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { AgentError } from '../../base/errors.ts';
import { assertTrustedOwner, type FileOwnership } from './file-owner.ts';

export interface TrustedFileOptions {
  /** What the file is, with its path, for messages. */
  readonly what: string;
  /** What to do if others can write it. */
  readonly remedy: string;
  readonly maxBytes: number;
}

export interface TrustedFile {
  readonly text: string;
  readonly stats: FileOwnership;
}

/**
 * What was checked is what is read: the file is opened once. Opening a pipe does not wait for its writer. Rejects with
 * `AgentError('config')` for a file that must not be used, and with Node's error for one that cannot be read.
 */
export async function readTrustedFile(path: string, options: TrustedFileOptions): Promise<TrustedFile> {
  const { what, remedy, maxBytes } = options;
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new AgentError('config', `${what}: it is no plain file: give the path of one`);
    assertTrustedOwner(stats, what, remedy);
    if (stats.size > maxBytes) throw new AgentError('config', `${what}: the file is too large`);
    return { text: await file.readFile('utf8'), stats };
  } finally {
    await file.close();
  }
}
