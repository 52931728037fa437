/**
 * The operator token of this start, in a file of mode 0600 that the commands of the agent's user and of root find: in the
 * data directory, else in a runtime directory. The next start makes another one, so that a program that takes the
 * agent's place while it is down learns nothing of use.
 */
import { randomBytes } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { lstat, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { encodeUtf8 } from '../../base/bytes.ts';
import { errorCode } from '../../base/errno.ts';
import { formatOperatorToken } from '../../files/operator-token.ts';
import { DISK } from './disk.ts';
import { writeFileAtomic } from './writer.ts';

export interface OperatorTokenHolder {
  readonly token: string;
  readonly path: string;
  /** Removes the file. */
  discard(): void;
}

const FILE = 'operator-token';
const SECRET_BYTES = 32;
const MAX_FILE_NAME = 200;

/**
 * Writes a new token for an agent that listens at `address`: `host:port` or `unix:PATH`. Rejects if no directory can hold
 * it. `env` is that of the process.
 */
export async function createOperatorToken(
  address: string,
  dataDir: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<OperatorTokenHolder> {
  const listening = address.startsWith('unix:') ? `unix:${resolve(address.slice('unix:'.length))}` : address;
  const token = formatOperatorToken(listening, randomBytes(SECRET_BYTES).toString('hex'));
  const paths = [
    ...(dataDir === undefined ? [] : [join(resolve(dataDir), FILE)]),
    ...runtimeDirectories(env).map((directory) => join(directory, fileName(listening))),
  ];
  const problems: string[] = [];
  for (const path of paths)
    try {
      await requireOwnDirectory(dirname(path));
      await writeFileAtomic(DISK, path, encodeUtf8(`${token}\n`));
      return { token, path, discard: () => removeFile(path) };
    } catch (error) {
      problems.push(`${dirname(path)} (${errorCode(error)})`);
    }
  throw new Error(`no directory can hold its file: ${problems.join(', ')}`);
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone already, or the disk fails: the token is of no use after this run.
  }
}

/** Several agents may share a runtime directory. */
const fileName = (listening: string): string =>
  `${FILE}-${listening.replace(/[^0-9A-Za-z.]+/g, '-').slice(-MAX_FILE_NAME)}`;

/** systemd's, the user's, that of the system, or one among the temporary files. */
function runtimeDirectories(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const uid = process.geteuid?.() ?? 0;
  const systemd = env['RUNTIME_DIRECTORY']?.split(':')[0] ?? '';
  const user = env['XDG_RUNTIME_DIR'] ?? '';
  return [
    ...(systemd === '' ? [] : [systemd]),
    ...(user === '' ? [] : [join(user, 'hearsay')]),
    ...(uid === 0 ? ['/run/hearsay'] : []),
    join(tmpdir(), `hearsay-${uid}`),
  ];
}

/** Creates it, mode 0700, if it is missing. Rejects if another user has a hand in it. */
async function requireOwnDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const stats = await lstat(path);
  const uid = process.geteuid?.();
  if (!stats.isDirectory() || (uid !== undefined && stats.uid !== uid) || (stats.mode & 0o022) !== 0)
    throw new Error('it belongs to another user, or others can write it');
}
