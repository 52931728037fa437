/** The gossip keys that an agent starts with, and where changes to them are kept. */
import { join } from 'node:path';
import { type ConfiguredKeys, restoreKeys, type StoredKeyring } from '../../agent/operations/restore-keys.ts';
import { AgentError } from '../../base/errors.ts';
import { type AgentConfig, KEYRING_NAME } from '../../config/schema.ts';
import { fingerprint, parseKey } from '../../wire/crypt.ts';
import type { Journal } from '../logging/journal.ts';
import { createKeyringStore, type KeyringStore, readKeyring } from './keyring.ts';
import type { Storage } from './storage.ts';

export type KeySettings = Pick<AgentConfig, 'dataDir' | 'keyringFile' | 'gossipKey' | 'encrypted'>;

export interface LoadedKeys {
  /** The primary first; empty: gossip is not encrypted. */
  readonly keys: readonly Uint8Array[];
  /** `undefined`: changes are in memory only. */
  readonly store: KeyringStore | undefined;
}

/**
 * With a data directory the keyring is kept there, else in the keyring file, if there is one. Rejects with
 * `AgentError('config')` if a file cannot be used.
 */
export async function loadKeys(
  settings: KeySettings,
  storage: Pick<Storage, 'keyring' | 'saveKeyring'> | undefined,
  record: Journal['record'],
): Promise<LoadedKeys> {
  const configured = await readConfiguredKeys(settings, record);
  if (storage !== undefined) return loadStoredKeys(settings, storage, configured, record);
  const { keyringFile } = settings;
  const keys = configured?.keys ?? [];
  return {
    keys,
    store: keyringFile === undefined ? undefined : createKeyringStore(keyringFile, keys, record),
  };
}

async function readConfiguredKeys(
  { keyringFile, gossipKey }: KeySettings,
  record: Journal['record'],
): Promise<ConfiguredKeys | undefined> {
  if (keyringFile !== undefined) return { kind: 'keyring', keys: await readKeyring(keyringFile, record) };
  return gossipKey === undefined ? undefined : { kind: 'key', keys: [parseKey(gossipKey)] };
}

/** What the agent starts with is stored before it starts, since a later configuration is compared with it. */
async function loadStoredKeys(
  { dataDir = '', keyringFile, encrypted }: KeySettings,
  storage: Pick<Storage, 'keyring' | 'saveKeyring'>,
  configured: ConfiguredKeys | undefined,
  record: Journal['record'],
): Promise<LoadedKeys> {
  const isReadable = storage.keyring !== 'unreadable';
  const stored = storage.keyring === 'unreadable' ? undefined : storage.keyring;
  const restored = restoreKeys(configured, stored);
  const source = keyringFile ?? 'HEARSAY_GOSSIP_KEY';
  const file = join(dataDir, KEYRING_NAME);
  if (restored === undefined) {
    if (encrypted && isReadable)
      throw new AgentError(
        'config',
        `${file} was there and is gone: set HEARSAY_GOSSIP_KEY or --keyring-file, or start again without encryption`,
      );
    return { keys: [], store: undefined };
  }
  const { keyring, conflict } = restored;
  if (conflict === 'outdated') record({ kind: 'gossipKeyOutdated', source, file });
  if (conflict === 'replaced') record({ kind: 'keyringReplaced', source, file });
  const save = (next: StoredKeyring): Promise<string | undefined> =>
    new Promise((resolve) => storage.saveKeyring(next, resolve));
  // What cannot be read may be newer than what is configured, and must still be there when the disk is well.
  if (isReadable && keyring !== stored) await save(keyring);
  return { keys: keyring.keys, store: createDirectoryStore(keyring.configured, save, keyringFile, record) };
}

/** The keyring of a data directory, and beside it a keyring file that is only read. */
function createDirectoryStore(
  firstConfigured: readonly string[],
  saveKeyring: (next: StoredKeyring) => Promise<string | undefined>,
  keyringFile: string | undefined,
  record: Journal['record'],
): KeyringStore {
  let configured = firstConfigured;
  let saves = 0;
  let last: Promise<string | undefined> = Promise.resolve(undefined);
  const readEdit = async (): Promise<readonly Uint8Array[] | undefined> => {
    const keys = await readKeyring(keyringFile as string, record);
    return keys.map(fingerprint).join() === configured.join() ? undefined : keys;
  };
  return {
    save: (keys, done, isConfigured = false) => {
      if (isConfigured) configured = keys.map(fingerprint);
      else saves += 1;
      last = saveKeyring({ keys, configured });
      void last.then(done);
    },
    get saves() {
      return saves;
    },
    settled: () => last,
    file: keyringFile === undefined ? undefined : { path: keyringFile, readEdit },
    close: async () => {}, // the data directory writes what is pending when it is closed
  };
}
