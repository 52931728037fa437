/** Reads a text file that a user names, with its owner and mode. */
import { open } from 'node:fs/promises';
import { AgentError } from '../base/errors.ts';
import type { FileOwnership } from '../base/owner.ts';

export const MAX_FILE_BYTES = 1024 * 1024;

export interface TextFile extends FileOwnership {
  readonly text: string;
}

/** At most `MAX_FILE_BYTES`. Throws `AgentError('config')` that names the file. */
export async function readTextFile(path: string): Promise<TextFile> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => refuseFile(path, error));
  try {
    const { size, mode, uid } = await file.stat();
    if (size > MAX_FILE_BYTES) throw new AgentError('config', `${path}: is larger than 1 MB`);
    return { text: await file.readFile('utf8'), mode, uid };
  } catch (error) {
    if (error instanceof AgentError) throw error;
    return refuseFile(path, error as NodeJS.ErrnoException);
  } finally {
    await file.close();
  }
}

/** Throws `AgentError('config')`: why a file or directory cannot be read. */
export function refuseFile(path: string, error: NodeJS.ErrnoException): never {
  const reason =
    error.code === 'ENOENT'
      ? 'no such file or directory'
      : error.code === 'EACCES'
        ? 'cannot be read by this user: check its permissions'
        : (error.code ?? error.message);
  throw new AgentError('config', `${path}: ${reason}`);
}
