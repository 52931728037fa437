/** Reads service definitions of `--service` files. Only files of the owner: their checks may start programs (S14). */
import { readFile, stat } from 'node:fs/promises';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import { parseServiceFile, type Registration } from '../../checks/definition/definition.ts';
import { assertTrustedOwner } from './file-owner.ts';

const MAX_FILE_BYTES = 1024 * 1024;

/** All services of one file, in YAML or JSON. Rejects with `AgentError('config')` that names the file. */
export async function readServiceFile(path: string, node: string): Promise<readonly Registration[]> {
  const wrong = (clause: string): AgentError => new AgentError('config', `${path}: ${clause}`);
  let text: string;
  try {
    const stats = await stat(path);
    assertTrustedOwner(stats, path, `chmod go-w ${path}`);
    if (stats.size > MAX_FILE_BYTES) throw wrong('is larger than 1 MB');
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw wrong(
      errorCode(error) === 'ENOENT' ? 'there is no such file' : `cannot be read (${errorCode(error)})`,
    );
  }
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text, { prettyErrors: true });
  const [broken] = document.errors;
  if (broken !== undefined)
    throw wrong(`line ${broken.linePos?.[0].line ?? 1}: ${firstLine(broken.message)}`);
  try {
    return parseServiceFile(document.toJS({ maxAliasCount: 0 }), { node });
  } catch (error) {
    if (error instanceof AgentError) throw wrong(error.message);
    throw error;
  }
}

const firstLine = (message: string): string => message.split('\n')[0] as string;
