/** Reads service definitions from `--service` files. Only trusted owners: their checks may start programs (S14). */
import { readFile, stat } from 'node:fs/promises';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import { parseServiceFile, type Registration } from '../../checks/definition/definition.ts';
import { assertTrustedOwner } from './file-owner.ts';

const MAX_FILE_BYTES = 1024 * 1024;

/** Reads all services of one file, in YAML or JSON. Rejects with `AgentError('config')` that names the file. */
export async function readServiceFile(path: string, node: string): Promise<readonly Registration[]> {
  const configError = (clause: string): AgentError => new AgentError('config', `${path}: ${clause}`);
  let text: string;
  try {
    const stats = await stat(path);
    assertTrustedOwner(stats, path, `chmod go-w ${path}`);
    if (stats.size > MAX_FILE_BYTES) throw configError('is larger than 1 MB');
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw configError(
      errorCode(error) === 'ENOENT' ? 'there is no such file' : `cannot be read (${errorCode(error)})`,
    );
  }
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined)
    throw configError(`line ${error.linePos?.[0].line ?? 1}: ${firstLine(error.message)}`);
  try {
    return parseServiceFile(document.toJS({ maxAliasCount: 0 }), { node });
  } catch (error) {
    if (error instanceof AgentError) throw configError(error.message);
    throw error;
  }
}

const firstLine = (message: string): string => message.split('\n')[0] as string;
