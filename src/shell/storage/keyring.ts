/**
 * Files of gossip keys. A keyring file has Serf's format: a JSON array of base64 keys, the primary first. The keyring of a
 * data directory is an object: such an array, and which keys were configured when it was stored. Keys are never logged.
 */
import { stat } from 'node:fs/promises';
import type { StoredKeyring } from '../../agent/operations/restore-keys.ts';
import { decodeUtf8, encodeUtf8 } from '../../base/bytes.ts';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import { fingerprint, formatKey, parseKey } from '../../wire/crypt.ts';
import { MAX_KEYRING_KEYS } from '../../wire/keyring.ts';
import type { Journal } from '../logging/journal.ts';
import { DISK } from './disk.ts';
import { type KeyringEntry, parseKeyringText } from './keyring-text.ts';
import { readTrustedFile } from './trusted-file.ts';
import { writeFileAtomic } from './writer.ts';

const MAX_FILE_BYTES = 64 * 1024;

/**
 * Reads the keys, at least one, without duplicates. Rejects with `AgentError('config')` that names the file, the line and the
 * entry, never the key. A file that others can read is used, and reported as exposed.
 */
export async function readKeyring(path: string, record?: Journal['record']): Promise<readonly Uint8Array[]> {
  const toError: ToError = (clause, line) =>
    new AgentError('config', `keyring ${path}${line === undefined ? '' : `:${line}`}: ${clause}`);
  let text: string;
  try {
    const what = `keyring ${path}`;
    const { text: read, stats } = await readTrustedFile(path, {
      ...{ what, remedy: 'chmod 600 it', maxBytes: MAX_FILE_BYTES },
    });
    if ((stats.mode & 0o004) !== 0) record?.({ kind: 'keyringExposed', file: path });
    text = read;
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = errorCode(error);
    throw toError(code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`);
  }
  const parsed = parseKeyringText(text);
  if ('problem' in parsed) throw toError(parsed.problem, parsed.line);
  return toKeys(parsed.entries, toError);
}

type ToError = (clause: string, line?: number) => AgentError;

function toKeys(entries: readonly Partial<KeyringEntry>[], toError: ToError): readonly Uint8Array[] {
  const keys = new Map<string, Uint8Array>();
  for (const [at, { value, line }] of entries.entries()) {
    if (value === undefined) throw toError(`entry ${at + 1} is not a string`, line);
    if (at === MAX_KEYRING_KEYS) throw toError(`more than ${MAX_KEYRING_KEYS} keys`, line);
    let key: Uint8Array;
    try {
      key = parseKey(value);
    } catch {
      throw toError(`entry ${at + 1} is not base64 of 16, 24 or 32 bytes`, line);
    }
    const name = fingerprint(key);
    if (!keys.has(name)) keys.set(name, key);
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
  let file: unknown;
  try {
    file = JSON.parse(decodeUtf8(bytes));
  } catch {
    file = undefined; // the parser's own message would quote the file, and so a key
  }
  if (typeof file !== 'object' || file === null || Array.isArray(file) || !('keys' in file))
    throw configError('it is not the keyring of a data directory');
  if (!Array.isArray(file.keys) || file.keys.length === 0) throw configError('it has no list of keys');
  const entries = file.keys.map((one) => (typeof one === 'string' ? { value: one } : {}));
  const configured: unknown = 'configured' in file ? file.configured : [];
  const names = Array.isArray(configured) ? configured.filter((one) => typeof one === 'string') : [];
  return { keys: toKeys(entries, configError), configured: names };
}

/** Stores the agent's keys, and knows whether an operator has edited them since. */
export interface KeyringStore {
  /**
   * Replaces the file; `done` is called once, with a message if that failed. `isConfigured`: the keyring file has these keys
   * already.
   */
  save(keys: readonly Uint8Array[], done: (error?: string) => void, isConfigured?: boolean): void;
  /** Changes so far that came by key queries. */
  readonly saves: number;
  /** Resolves when nothing is being written, to the message of the last write if that failed. */
  settled(): Promise<string | undefined>;
  /** The keyring file is read again at a reload. `undefined`: there is none, and keys change by key queries only. */
  readonly file: EditableKeyring | undefined;
  /** Resolves when all pending writes have finished or failed. */
  close(): Promise<void>;
}

/** A keyring file, which belongs to the operator. */
export interface EditableKeyring {
  readonly path: string;
  /**
   * Its keys, the primary first; `undefined` if they are those that it had when the agent last read or wrote it. Rejects as
   * `readKeyring`.
   */
  readEdit(): Promise<readonly Uint8Array[] | undefined>;
}

/** To whoever changed a key while an edit of the file waits for its reload: it would be lost. */
const EDITED =
  'the keyring file was edited, and the edit is kept: add this change to the file, then run `hearsay reload`';

/** A keyring file in which the agent keeps its keys. Writes one after the other, each an atomic write with mode 0600. */
export function createKeyringStore(
  path: string,
  keys: readonly Uint8Array[],
  record?: Journal['record'],
): KeyringStore {
  let known = nameKeys(keys);
  let failure: string | undefined;
  let saves = 0;
  let last: Promise<unknown> = Promise.resolve();
  /** Has an operator put other keys than `next` into the file, or text that cannot be read, since it was read or written here? */
  const isEdited = async (next: string): Promise<boolean> => {
    if ((await stat(path).catch(() => undefined)) === undefined) return false;
    const found = await readKeyring(path).then(nameKeys, () => undefined);
    return found !== known && found !== next;
  };
  const write = async (next: readonly Uint8Array[], isConfigured: boolean): Promise<string | undefined> => {
    try {
      // The operator's own file is not written over when the agent follows it: it may be a link, or have its own owner.
      if (!isConfigured) {
        if (await isEdited(nameKeys(next))) {
          failure = EDITED;
          return failure;
        }
        await writeFileAtomic(DISK, path, toJsonFile(formatKeys(next)));
      }
      known = nameKeys(next);
      failure = undefined;
    } catch (error) {
      failure = `the keyring file cannot be written (${errorCode(error)})`;
    }
    return failure;
  };
  return {
    save: (next, done, isConfigured = false) => {
      if (!isConfigured) saves += 1;
      last = last.then(() => write(next, isConfigured)).then(done);
    },
    get saves() {
      return saves;
    },
    settled: () => last.then(() => failure),
    file: {
      path,
      // After what is being written: else the agent's own change would pass for an edit.
      readEdit: () =>
        last.then(async () => {
          const read = await readKeyring(path, record);
          return nameKeys(read) === known ? undefined : read;
        }),
    },
    close: () => last.then(() => undefined),
  };
}

/** Tells keyrings apart: the keys and their order. */
const nameKeys = (keys: readonly Uint8Array[]): string => keys.map(fingerprint).join();
