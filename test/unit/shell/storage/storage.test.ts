import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../../../src/agent/contract/machine.ts';
import {
  decodeCatalogFile,
  decodeSnapshotFile,
  encodeCatalogFile,
  encodeSnapshotFile,
} from '../../../../src/shell/storage/snapshot.ts';
import { openStorage, type Storage } from '../../../../src/shell/storage/storage.ts';
import { canMount, noting, until } from '../support.ts';

let dir: string;
let data: string;
let opened: Storage[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-storage-'));
  data = join(dir, 'data');
});
afterEach(async () => {
  for (const storage of opened) await storage.close();
  opened = [];
  rmSync(dir, { recursive: true, force: true });
});

const SNAPSHOT: Snapshot = {
  incarnation: 0xffff_fffe,
  clocks: { member: 2 ** 40 + 1, event: 1, query: 3 },
  peers: [
    { name: 'bob', addr: '127.0.0.1:7946' },
    { name: 'zoë', addr: '[fd00::5]:7946', down: true },
  ],
};
const numbered = (incarnation: number): Snapshot => ({ ...SNAPSHOT, incarnation });

async function openIt(note = noting().record, options = {}): Promise<Storage> {
  const storage = await openStorage(data, note, { retryInterval: 20, ...options });
  opened.push(storage);
  return storage;
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const onDisk = (): Snapshot | string => decodeSnapshotFile(readFileSync(join(data, 'snapshot')));

describe('the data directory', () => {
  test('is created with mode 0700, and its files with 0600', async () => {
    const storage = await openIt();
    storage.save(SNAPSHOT);
    await storage.close();

    expect(mode(data)).toBe('700');
    expect(readdirSync(data)).toEqual(['snapshot']);
    expect(mode(join(data, 'snapshot'))).toBe('600');
  });

  test.each([0o770, 0o707, 0o777])(
    'is refused with mode %o: others could change what we trust',
    async (open) => {
      mkdirSync(data);
      chmodSync(data, open);
      await expect(openStorage(data, noting().record)).rejects.toMatchObject({
        code: 'config',
        message: `the data directory ${data} can be written by other users (mode 0${open.toString(8)}): chmod 700 it, or choose another directory with --data-dir`,
      });
      expect(readdirSync(data)).toEqual([]);
    },
  );

  test.runIf(process.geteuid?.() === 0)('is refused when it belongs to someone else', async () => {
    mkdirSync(data, { mode: 0o700 });
    execFileSync('chown', ['12345', data]);
    await expect(openStorage(data, noting().record)).rejects.toThrow('belongs to another user (uid 12345)');
  });

  test.runIf(existsSync('/proc/self'))(
    'where nothing can be created is refused, and not tried for ever',
    async () => {
      for (const path of ['/proc/x', '/proc/x/data'])
        await expect(openStorage(path, noting().record)).rejects.toMatchObject({
          code: 'config',
          message: `the data directory ${path} cannot be used (ENOENT: it cannot be created there, or is a link to nothing): choose another directory with --data-dir`,
        });
    },
  );

  test('that is a link to nothing is refused; parents are created, and a link to a directory is used', async () => {
    symlinkSync(join(dir, 'nowhere'), data);
    await expect(openStorage(data, noting().record)).rejects.toThrow('is a link to nothing');
    rmSync(data);
    mkdirSync(join(dir, 'real'), { mode: 0o700 });
    symlinkSync(join(dir, 'real'), data);
    await openIt();
    data = join(dir, 'a', 'b', 'data');
    await openIt();
    expect(mode(join(dir, 'a'))).toBe('700');
  });

  test('that cannot be a directory is refused before anything starts', async () => {
    writeFileSync(join(dir, 'file'), '');
    await expect(openStorage(join(dir, 'file', 'data'), noting().record)).rejects.toMatchObject({
      code: 'config',
      message: `the data directory ${join(dir, 'file', 'data')} cannot be used (ENOTDIR): choose another directory with --data-dir`,
    });
  });
});

describe('a snapshot', () => {
  test('is restored unchanged', async () => {
    const storage = await openIt();
    expect(storage.snapshot).toBeUndefined();
    storage.save(SNAPSHOT);
    await storage.close();
    expect((await openIt()).snapshot).toEqual(SNAPSHOT);
  });

  test('cut at any byte is detected', () => {
    const whole = encodeSnapshotFile(SNAPSHOT);
    for (let length = 0; length < whole.length; length++)
      expect(typeof decodeSnapshotFile(whole.subarray(0, length)), `cut at ${length}`).toBe('string');
    expect(decodeSnapshotFile(whole)).toEqual(SNAPSHOT);
  });

  test('with any bit flipped is detected', () => {
    const whole = encodeSnapshotFile(SNAPSHOT);
    for (let at = 0; at < whole.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        const flipped = whole.slice();
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        expect(typeof decodeSnapshotFile(flipped), `byte ${at}, bit ${bit}`).toBe('string');
      }
  });

  test('with an additional byte is detected', () => {
    expect(decodeSnapshotFile(Uint8Array.of(...encodeSnapshotFile(SNAPSHOT), 0))).toBe(
      'the checksum does not match',
    );
  });

  test.each([
    ['a negative incarnation', { ...SNAPSHOT, incarnation: -1 }],
    ['no clocks', { incarnation: 1, peers: [] }],
    ['a peer without address', { ...SNAPSHOT, peers: [{ name: 'bob' }] }],
    ['a peer that is rather down', { ...SNAPSHOT, peers: [{ name: 'bob', addr: '', down: 1 }] }],
    ['half a clock', { ...SNAPSHOT, clocks: { member: 1.5, event: 1, query: 1 } }],
    ['a Date', { ...SNAPSHOT, incarnation: new Date(0) }],
  ])('with %s is refused, though its checksum is right', (_what, value) => {
    expect(decodeSnapshotFile(encodeSnapshotFile(value as Snapshot))).toMatch(/^unexpected contents/);
  });

  test('of a later version keeps unknown fields', () => {
    const later = { ...SNAPSHOT, dropped: ['cat'] };
    expect(decodeSnapshotFile(encodeSnapshotFile(later))).toEqual(later);
  });

  test.each([
    ['torn', encodeSnapshotFile(SNAPSHOT).subarray(0, 60), 'the checksum does not match'],
    ['empty', new Uint8Array(0), 'the file is cut short'],
    ['something else', new Uint8Array(200).fill(0x41), 'it is not a snapshot of this version'],
  ])(
    'that is %s is quarantined with one log line, and the agent starts empty',
    async (_what, bytes, reason) => {
      mkdirSync(data, { mode: 0o700 });
      writeFileSync(join(data, 'snapshot'), bytes);
      const { record: note, facts } = noting();
      const storage = await openIt(note);

      expect(storage.snapshot).toBeUndefined();
      expect(facts).toEqual([{ kind: 'snapshotQuarantined', file: join(data, 'snapshot'), reason }]);
      expect(new Uint8Array(readFileSync(join(data, 'snapshot.bad')))).toEqual(new Uint8Array(bytes));

      storage.save(SNAPSHOT);
      await storage.close();
      expect(onDisk()).toEqual(SNAPSHOT);
    },
  );
});

describe('a catalog', () => {
  const CATALOG = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);

  test('is restored unchanged beside the snapshot, mode 0600', async () => {
    const storage = await openIt();
    expect(storage.catalog).toBeUndefined();
    storage.save(SNAPSHOT);
    storage.saveCatalog(CATALOG.slice(1));
    storage.saveCatalog(CATALOG);
    await storage.close();
    expect(readdirSync(data).sort()).toEqual(['catalog', 'snapshot']);
    expect(mode(join(data, 'catalog'))).toBe('600');

    const { record: note, facts } = noting();
    const again = await openIt(note);
    expect(again.snapshot).toEqual(SNAPSHOT);
    expect(new Uint8Array(again.catalog ?? [])).toEqual(CATALOG);
    expect(facts).toEqual([]);
  });

  test('cut at any byte, or with any bit flipped, is detected', () => {
    const whole = encodeCatalogFile(CATALOG.subarray(0, 50));
    for (let at = 0; at < whole.length; at++) {
      expect(typeof decodeCatalogFile(whole.subarray(0, at)), `cut at ${at}`).toBe('string');
      for (let bit = 0; bit < 8; bit++) {
        const flipped = whole.slice();
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        expect(typeof decodeCatalogFile(flipped), `byte ${at}, bit ${bit}`).toBe('string');
      }
    }
    expect(new Uint8Array(decodeCatalogFile(whole) as Uint8Array)).toEqual(CATALOG.slice(0, 50));
  });

  const flipped = encodeCatalogFile(CATALOG);
  flipped[4000] = (flipped[4000] as number) ^ 1;
  test.each([
    ['torn', encodeCatalogFile(CATALOG).subarray(0, 3000), 'the checksum does not match'],
    ['flipped in one bit', flipped, 'the checksum does not match'],
    ['empty', new Uint8Array(0), 'the file is cut short'],
    ['a snapshot', encodeSnapshotFile(SNAPSHOT), 'it is not a catalog of this version'],
  ])(
    'that is %s is quarantined with one line, and the snapshot is still restored',
    async (_what, bytes, reason) => {
      mkdirSync(data, { mode: 0o700 });
      writeFileSync(join(data, 'catalog'), bytes);
      writeFileSync(join(data, 'snapshot'), encodeSnapshotFile(SNAPSHOT));
      const { record: note, facts } = noting();
      const storage = await openIt(note);

      expect(storage.catalog).toBeUndefined();
      expect(storage.snapshot).toEqual(SNAPSHOT);
      expect(facts).toEqual([{ kind: 'snapshotQuarantined', file: join(data, 'catalog'), reason }]);
      expect(new Uint8Array(readFileSync(join(data, 'catalog.bad')))).toEqual(new Uint8Array(bytes));

      storage.saveCatalog(CATALOG);
      await storage.close();
      expect(new Uint8Array((await openIt()).catalog ?? [])).toEqual(CATALOG);
    },
  );

  test('that cannot be written does not prevent the snapshot', async () => {
    mkdirSync(join(data, 'catalog.tmp', 'in the way'), { recursive: true, mode: 0o700 });
    const storage = await openIt();
    storage.saveCatalog(CATALOG);
    storage.save(SNAPSHOT);
    await storage.close();
    expect(storage.degraded).toHaveLength(1);
    expect(onDisk()).toEqual(SNAPSHOT);
  });
});

describe('a disk that fails', () => {
  test('is one log line and no crash; when it recovers, the newest state is written, and that is another line', async () => {
    const { record: note, facts } = noting();
    const storage = await openIt(note);
    storage.save(numbered(1));
    await until(() => readdirSync(data).includes('snapshot'), 'the first is written');

    renameSync(data, join(dir, 'away'));
    writeFileSync(data, 'a file where the directory was');
    storage.save(numbered(2));
    await until(() => storage.degraded.length > 0, 'it is degraded');
    const [first] = storage.degraded;
    storage.save(numbered(3));
    rmSync(data);
    mkdirSync(join(data, 'snapshot.tmp'), { recursive: true, mode: 0o700 }); // in the way of the next attempt
    await until(() => storage.degraded[0] !== first, 'it fails again, in another way');
    expect(facts).toEqual([{ kind: 'storageFailed', reason: 'EEXIST' }]);
    expect(first).toBe('the data directory cannot be used, state is in memory only: EEXIST');

    rmSync(data, { recursive: true });
    renameSync(join(dir, 'away'), data);
    await until(() => storage.degraded.length === 0, 'it recovers');
    expect(facts.map(({ kind }) => kind)).toEqual(['storageFailed', 'storageRecovered']);
    expect(onDisk()).toEqual(numbered(3));
  });

  test('does not delay the stop', async () => {
    const storage = await openIt();
    rmSync(data, { recursive: true });
    writeFileSync(data, '');
    storage.save(SNAPSHOT);
    await storage.close();
    expect(storage.degraded).toHaveLength(1);
  });

  test('a directory that disappeared is created again', async () => {
    const storage = await openIt();
    rmSync(data, { recursive: true });
    storage.save(SNAPSHOT);
    await storage.close();
    expect(onDisk()).toEqual(SNAPSHOT);
    expect(mode(data)).toBe('700');
  });

  test('half a file left by a crash does no harm', async () => {
    mkdirSync(data, { mode: 0o700 });
    writeFileSync(join(data, 'snapshot.tmp'), 'half');
    const storage = await openIt();
    storage.save(SNAPSHOT);
    await storage.close();
    expect(onDisk()).toEqual(SNAPSHOT);
    expect(readdirSync(data)).not.toContain('snapshot.tmp');
  });

  test.runIf(canMount())(
    'that is full keeps the old snapshot whole, and the new one follows when there is room',
    async () => {
      mkdirSync(data, { mode: 0o700 });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k,mode=0700', 'none', data]);
      try {
        const { record: note, facts } = noting();
        const storage = await openIt(note);
        storage.save(numbered(1));
        await until(() => readdirSync(data).includes('snapshot'), 'the first is written');
        try {
          writeFileSync(join(data, 'ballast'), new Uint8Array(100_000));
        } catch {
          // It is as large as it could get.
        }
        storage.save(numbered(2));
        await until(() => storage.degraded.length > 0, 'the disk is full');
        expect(facts).toEqual([{ kind: 'storageFailed', reason: 'ENOSPC' }]);
        expect(onDisk()).toEqual(numbered(1));

        rmSync(join(data, 'ballast'));
        await until(() => storage.degraded.length === 0, 'there is room again');
        expect(onDisk()).toEqual(numbered(2));
        await storage.close();
      } finally {
        execFileSync('umount', [data]);
      }
    },
  );
});
