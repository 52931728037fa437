/** Creates files that hold a secret. */
import { open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AgentError } from '../base/errors.ts';

/** Creates a file with mode 0600, durably. Throws `AgentError`: `conflict` if there is one of this name. */
export async function createPrivateFile(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST')
      throw new AgentError(
        'conflict',
        `${path} exists and is left as it is: remove it first, or choose another path`,
      );
    const reason = error.code === 'ENOENT' ? 'there is no such directory' : (error.code ?? error.message);
    throw new AgentError('failed', `${path} cannot be written (${reason}): choose another path`);
  });
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await unlink(path).catch(() => undefined);
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new AgentError('failed', `${path} cannot be written (${reason}): choose another path`);
  } finally {
    await file.close();
  }
  const directory = await open(dirname(path), 'r');
  // Some file systems cannot sync a directory, and need not.
  await directory.sync().catch(() => undefined);
  await directory.close();
}
