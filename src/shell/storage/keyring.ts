/**
 * Files of gossip keys. A keyring file has Serf's format: a JSON array of base64 keys, the primary first. The keyring of a
 * data directory is an object: such an array, and which keys were configured when it was stored. Keys are never logged.
 */
import type { StoredKeyring } from '../../agent/operations/restore-keys.ts';
import { decodeUtf8, encodeUtf8 } from '../../base/bytes.ts';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import { formatKey, parseKey } from '../../wire/crypt.ts';
import { MAX_KEYRING_KEYS } from '../../wire/keyring.ts';
import type { Journal } from '../logging/journal.ts';
import { DISK } from './disk.ts';
import { readTrustedFile } from './trusted-file.ts';
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
    const what = `keyring ${path}`;
    const { text, stats } = await readTrustedFile(path, {
      ...{ what, remedy: 'chmod 600 it', maxBytes: MAX_FILE_BYTES },
    });
    if ((stats.mode & 0o004) !== 0) record?.({ kind: 'keyringExposed', file: path });
    json = text;
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = errorCode(error);
    throw configError(code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`);
  }
  return parseKeyring(json, configError);
}

type ToError = (clause: string) => AgentError;

function parseKeyring(json: string, configError: ToError): readonly Uint8Array[] {
  const entries = parseJson(json);
  if (entries === undefined)
    throw configError(
      'it is not JSON: write an array of base64 keys, the primary first, as `hearsay keygen --keyring` does',
    );
  return toKeys(entries, configError);
}

/** `undefined`: it is not JSON. The parser's own message would quote the file, and so a key. */
function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function toKeys(entries: unknown, configError: ToError): readonly Uint8Array[] {
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

const formatKeys = (keys: readonly Uint8Array[]): readonly string[] => keys.map(formatKey);
const toJsonFile = (value: unknown): Uint8Array => encodeUtf8(`${JSON.stringify(value, undefined, 2)}\n`);

/** The keyring of a data directory. */
export const encodeStoredKeyring = ({ keys, configured }: StoredKeyring): Uint8Array =>
  toJsonFile({ keys: formatKeys(keys), configured });

/** Throws `AgentError('config')`: an older key must not come back because a file is damaged. */
export function decodeStoredKeyring(path: string, bytes: Uint8Array): StoredKeyring {
  const configError: ToError = (clause) =>
    new AgentError(
      'config',
      `${path}: ${clause}: restore it from a backup, or remove it to start with the configured key`,
    );
  const file = parseJson(decodeUtf8(bytes));
  if (typeof file !== 'object' || file === null || Array.isArray(file) || !('keys' in file))
    throw configError('it is not the keyring of a data directory');
  const configured: unknown = 'configured' in file ? file.configured : [];
  const names = Array.isArray(configured) ? configured.filter((one) => typeof one === 'string') : [];
  return { keys: toKeys(file.keys, configError), configured: names };
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
      const file = toJsonFile(formatKeys(keys));
      last = last
        .then(() => writeFileAtomic(DISK, path, file))
        .then(
          () => done(),
          (error: unknown) => done(`the keyring file cannot be written (${errorCode(error)})`),
        );
    },
    close: () => last,
  };
}
