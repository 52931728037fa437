/** The keyring file in Serf's format: a JSON array of base64 keys, the primary first. Keys are never logged. */
import { readFile, stat } from 'node:fs/promises';
import { encodeUtf8 } from '../../base/bytes.ts';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import { formatKey, parseKey } from '../../wire/crypt.ts';
import { MAX_KEYRING_KEYS } from '../../wire/keyring.ts';
import type { Journal } from '../logging/journal.ts';
import { DISK } from './disk.ts';
import { assertTrustedOwner } from './file-owner.ts';
import { writeFileAtomic } from './writer.ts';

const MAX_FILE_BYTES = 64 * 1024;

/**
 * Reads the keys, at least one, without duplicates. Rejects with `AgentError('config')` that names the file and the
 * entry, never the key. A file that others can read is used, and reported as exposed.
 */
export async function readKeyring(path: string, record?: Journal['record']): Promise<readonly Uint8Array[]> {
  const configError = (clause: string): AgentError => new AgentError('config', `keyring ${path}: ${clause}`);
  let json: string;
  try {
    const stats = await stat(path);
    assertTrustedOwner(stats, `keyring ${path}`, 'chmod 600 it');
    if (stats.size > MAX_FILE_BYTES) throw configError('the file is too large for a keyring');
    if ((stats.mode & 0o004) !== 0) record?.({ kind: 'keyringExposed', file: path });
    json = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = errorCode(error);
    throw configError(code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`);
  }
  return parseKeyring(json, configError);
}

function parseKeyring(json: string, configError: (clause: string) => AgentError): readonly Uint8Array[] {
  let entries: unknown;
  try {
    entries = JSON.parse(json);
  } catch {
    // The parser's own message would quote the file, and so a key.
    throw configError('it is not JSON: write an array of base64 keys, the primary first');
  }
  if (!Array.isArray(entries) || entries.length === 0)
    throw configError('write a JSON array with at least one base64 key, the primary first');
  if (entries.length > MAX_KEYRING_KEYS) throw configError(`more than ${MAX_KEYRING_KEYS} keys`);
  const keys = new Map<string, Uint8Array>();
  for (const [at, entry] of entries.entries()) {
    if (typeof entry !== 'string') throw configError(`entry ${at + 1} is not a string`);
    try {
      if (!keys.has(entry)) keys.set(entry, parseKey(entry));
    } catch {
      throw configError(`entry ${at + 1} is not base64 of 16, 24 or 32 bytes`);
    }
  }
  return [...keys.values()];
}

/** Stores the agent's keys. */
export interface KeyringStore {
  /** Replaces the file; `done` is called once, with a message if that failed. */
  save(keys: readonly Uint8Array[], done: (error?: string) => void): void;
  /** Resolves when all pending writes have finished or failed. */
  close(): Promise<void>;
}

/** Writes one after the other, each an atomic write with mode 0600. */
export function createKeyringStore(path: string): KeyringStore {
  let last: Promise<void> = Promise.resolve();
  return {
    save: (keys, done) => {
      const json = `${JSON.stringify(keys.map(formatKey), undefined, 2)}\n`;
      last = last
        .then(() => writeFileAtomic(DISK, path, encodeUtf8(json)))
        .then(
          () => done(),
          (error: unknown) => done(`the keyring file cannot be written (${errorCode(error)})`),
        );
    },
    close: () => last,
  };
}
