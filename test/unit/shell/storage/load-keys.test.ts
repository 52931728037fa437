import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readKeyring } from '../../../../src/shell/storage/keyring.ts';
import { type KeySettings, loadKeys } from '../../../../src/shell/storage/load-keys.ts';
import { openStorage, type StorageOptions } from '../../../../src/shell/storage/storage.ts';
import { FakeDisk, failure } from '../disk.ts';
import { noting } from '../support.ts';

let dir: string;
let data: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-keys-'));
  data = join(dir, 'data');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const key = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);
const base64 = (octet: number): string => Buffer.from(key(octet)).toString('base64');
const OLD = { gossipKey: base64(1) };

/** One life of an agent: loads its keys, stores those of `changes`, and closes. */
async function live(
  settings: Partial<KeySettings>,
  changes: readonly (readonly Uint8Array[])[] = [],
  options: StorageOptions = {},
) {
  const { record, facts } = noting();
  const storage = await openStorage(data, record, { retryInterval: 20, ...options });
  try {
    const all = { dataDir: data, keyringFile: undefined, gossipKey: undefined, encrypted: true, ...settings };
    const { keys, store } = await loadKeys(all, storage, record);
    const outcomes: (string | undefined)[] = [];
    for (const change of changes)
      await new Promise<void>((resolve) =>
        store?.save(change, (error) => {
          outcomes.push(error);
          resolve();
        }),
      );
    return { keys, outcomes, facts, store };
  } finally {
    await storage.close();
  }
}

describe('with a data directory', () => {
  test('G16 keys that were rotated are there at the next start with the same command, and a warning says which won', async () => {
    expect((await live(OLD)).keys).toEqual([key(1)]);
    expect(statSync(join(data, 'keyring')).mode & 0o777).toBe(0o600);
    const rotated = await live(OLD, [
      [key(1), key(2)],
      [key(2), key(1)],
    ]);
    expect(rotated.outcomes).toEqual([undefined, undefined]);
    const { keys, facts } = await live(OLD, [[key(2)]]);
    expect(keys).toEqual([key(2), key(1)]);
    expect(facts).toEqual([]);

    const last = await live(OLD);
    expect(last.keys).toEqual([key(2)]);
    expect(last.facts).toEqual([
      { kind: 'gossipKeyOutdated', source: 'HEARSAY_GOSSIP_KEY', file: join(data, 'keyring') },
    ]);
  });

  test('a key that is configured anew replaces them, with a warning', async () => {
    await live(OLD, [[key(2)]]);
    const { keys, facts } = await live({ gossipKey: base64(3) });
    expect(keys).toEqual([key(3)]);
    expect(facts).toMatchObject([{ kind: 'keyringReplaced' }]);
    expect((await live({})).keys).toEqual([key(3)]);
  });

  test('a keyring file is read and never written', async () => {
    const keyringFile = join(dir, 'keyring.json');
    writeFileSync(keyringFile, JSON.stringify([base64(1)]), { mode: 0o600 });
    await live({ keyringFile }, [[key(2), key(1)]]);
    expect(await readKeyring(keyringFile)).toEqual([key(1)]);
    expect((await live({ keyringFile })).keys).toEqual([key(2), key(1)]);
  });

  describe('and a keyring file that is edited', () => {
    const write = (keyringFile: string, ...octets: number[]): void =>
      writeFileSync(keyringFile, JSON.stringify(octets.map(base64)), { mode: 0o600 });

    test('an edit is one until it is taken over, and is then what later starts compare with', async () => {
      const keyringFile = join(dir, 'keyring.json');
      write(keyringFile, 1);
      const { record } = noting();
      const storage = await openStorage(data, record, { retryInterval: 20 });
      const settings = { dataDir: data, keyringFile, gossipKey: undefined, encrypted: true };
      const { store } = await loadKeys(settings, storage, record);
      const save = (keys: readonly Uint8Array[], isConfigured = false) =>
        new Promise<unknown>((resolve) => store?.save(keys, resolve, isConfigured));
      expect(await store?.file?.readEdit()).toBeUndefined();
      await save([key(1), key(9)]); // a key query: the file stays as it is, which is no edit
      expect(await store?.file?.readEdit()).toBeUndefined();
      expect(store?.saves).toBe(1);
      write(keyringFile, 1, 2);
      expect(await store?.file?.readEdit()).toEqual([key(1), key(2)]);
      await save([key(1), key(2)], true);
      expect(await store?.file?.readEdit()).toBeUndefined();
      await save([key(2), key(1)]);
      expect(store?.saves).toBe(2);
      await storage.close();

      const again = await live({ keyringFile });
      expect(again.keys).toEqual([key(2), key(1)]);
      expect(again.facts).toEqual([]);
    });

    test('without such a file there is nothing to read again', async () => {
      expect((await live(OLD)).store?.file).toBeUndefined();
    });
  });

  test.each([
    ['{', 'it is not the keyring of a data directory'],
    ['["x"]', 'it is not the keyring of a data directory'],
    ['{"keys":[]}', 'it has no list of keys'],
    ['{"keys":[7]}', 'entry 1 is not a string'],
    ['{"keys":["c2hvcnQ="]}', 'entry 1 is not base64 of 16, 24 or 32 bytes'],
  ])(
    'a damaged keyring, %s, stops the start and is not replaced by an older key',
    async (contents, clause) => {
      await live(OLD, [[key(2)]]);
      writeFileSync(join(data, 'keyring'), contents);
      await expect(live(OLD)).rejects.toMatchObject({
        code: 'config',
        message: `${join(data, 'keyring')}: ${clause}: restore it from a backup, or remove it to start with the configured key`,
      });
      expect(readFileSync(join(data, 'keyring'), 'utf8')).toBe(contents);
    },
  );

  test('S25 a keyring that others can write is refused', async () => {
    await live(OLD);
    chmodSync(join(data, 'keyring'), 0o622);
    await expect(live(OLD)).rejects.toThrow(/keyring can be written by other users.*chmod 600 it/);
  });

  test('without any key, gossip is not encrypted, and nothing is stored', async () => {
    expect(await live({ encrypted: false })).toMatchObject({ keys: [], store: undefined });
    await expect(live({ encrypted: true })).rejects.toThrow(/keyring was there and is gone/);
  });
});

test('G16 after a crash at any point the keyring has the keys of before or after a change that was not acknowledged', async () => {
  const disk = new FakeDisk();
  data = '/data';
  await live(OLD, [], { disk });
  await live(OLD, [[key(2), key(1)]], { disk });
  for (const found of disk.afterCrash())
    expect((await live(OLD, [], { disk: found })).keys).toEqual([key(2), key(1)]);
});

test('a keyring that the disk does not give is not overwritten by an older key', async () => {
  const disk = new FakeDisk();
  data = '/data';
  await live(OLD, [[key(2)]], { disk });
  disk.before = (operation, path) => {
    if (operation === 'read' && path.endsWith('keyring')) throw failure('EIO');
  };
  const { keys, facts } = await live(OLD, [], { disk });
  expect(keys).toEqual([key(1)]);
  expect(facts).toEqual([
    { kind: 'keyringUnreadable', file: '/data/keyring', reason: 'it cannot be read (EIO)' },
  ]);
  disk.before = () => {};
  expect((await live(OLD, [], { disk })).keys).toEqual([key(2)]);
});

test('a change that the disk refuses is reported once, and stored when the disk has recovered', async () => {
  const disk = new FakeDisk();
  data = '/data';
  const { record } = noting();
  const storage = await openStorage(data, record, { disk, retryInterval: 1 });
  const settings = { dataDir: data, keyringFile: undefined, ...OLD, encrypted: true };
  const { store } = await loadKeys(settings, storage, record);
  const outcomes: (string | undefined)[] = [];
  disk.before = (operation) => {
    if (operation === 'create') throw failure('ENOSPC');
  };
  for (const keys of [
    [key(1), key(2)],
    [key(2), key(1)],
  ])
    await new Promise<void>((resolve) =>
      store?.save(keys, (error) => {
        outcomes.push(error);
        resolve();
      }),
    );
  expect(outcomes).toEqual(Array(2).fill('the data directory cannot be written (ENOSPC)'));
  disk.before = () => {};
  await storage.close();
  expect((await live(OLD, [], { disk })).keys).toEqual([key(2), key(1)]);
});
