/** Gossip keys in a file, read and kept, in Serf's format: a JSON array of base64, the primary first. Never logs them. */
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

const MAX_FILE = 64 * 1024;

/**
 * The keys, at least one, without repetition. Rejects with `AgentError('config')` that names the file and the
 * entry, never the key. A file others may read is used, and said to be exposed.
 */
export async function readKeyring(path: string, note?: Journal['record']): Promise<readonly Uint8Array[]> {
  const wrong = (clause: string): AgentError => new AgentError('config', `keyring ${path}: ${clause}`);
  let json: string;
  try {
    const stats = await stat(path);
    assertTrustedOwner(stats, `keyring ${path}`, 'chmod 600 it');
    if (stats.size > MAX_FILE) throw wrong('the file is too large for a keyring');
    if ((stats.mode & 0o004) !== 0) note?.({ kind: 'keyringExposed', file: path });
    json = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = errorCode(error);
    throw wrong(code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`);
  }
  return parseKeyring(json, wrong);
}

function parseKeyring(json: string, wrong: (clause: string) => AgentError): readonly Uint8Array[] {
  let entries: unknown;
  try {
    entries = JSON.parse(json);
  } catch {
    // The parser's own words would quote the file, and so a key.
    throw wrong('it is not JSON: write an array of base64 keys, the primary first');
  }
  if (!Array.isArray(entries) || entries.length === 0)
    throw wrong('write a JSON array with at least one base64 key, the primary first');
  if (entries.length > MAX_KEYRING_KEYS) throw wrong(`more than ${MAX_KEYRING_KEYS} keys`);
  const keys = new Map<string, Uint8Array>();
  for (const [at, entry] of entries.entries()) {
    if (typeof entry !== 'string') throw wrong(`entry ${at + 1} is not a text`);
    try {
      if (!keys.has(entry)) keys.set(entry, parseKey(entry));
    } catch {
      throw wrong(`entry ${at + 1} is not base64 of 16, 24 or 32 bytes`);
    }
  }
  return [...keys.values()];
}

/** How the machine's keys reach the file. */
export interface KeyringStore {
  /** Replaces the file; `done` is called once, with why it could not be done. */
  save(keys: readonly Uint8Array[], done: (error?: string) => void): void;
  /** Resolves when what was to be kept is, or could not be. */
  close(): Promise<void>;
}

/** Writes one after the other, whole or not at all, readable by its owner alone. */
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
