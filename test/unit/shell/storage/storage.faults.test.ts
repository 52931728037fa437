/** G15 and I17: whatever the disk does, the agent starts, remembers what it can, says what is wrong and comes back. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../../../src/agent/contract/machine.ts';
import { encodeCatalogFile, encodeSnapshotFile } from '../../../../src/shell/storage/snapshot.ts';
import { openStorage, type Storage } from '../../../../src/shell/storage/storage.ts';
import { FakeDisk, failure, type Operation } from '../disk.ts';
import { noting, until } from '../support.ts';

const numbered = (incarnation: number): Snapshot => ({
  incarnation,
  clocks: { member: 7, event: 1, query: 3 },
  peers: [{ name: 'bob', addr: '127.0.0.1:7946' }],
});
const OLD = numbered(1);
const NEW = numbered(2);
const CATALOG = Uint8Array.from({ length: 40 }, (_, i) => i);

const opened: Storage[] = [];
afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close();
});

async function openOn(disk: FakeDisk, options = {}) {
  const { record: note, facts } = noting();
  const storage = await openStorage('/data', note, {
    disk,
    retryInterval: 5,
    ...options,
  });
  opened.push(storage);
  return { storage, facts };
}

async function quiet(storage: Storage): Promise<void> {
  await storage.close();
}

describe('I17: after a power failure', () => {
  test('at any operation, with torn writes of what was not synced, the old snapshot or the new is complete', async () => {
    const whole = { '/data/snapshot': encodeSnapshotFile(OLD), '/data/catalog': encodeCatalogFile(CATALOG) };
    const counting = FakeDisk.with(whole);
    const first = await openOn(counting);
    const reads = counting.done.length;
    first.storage.save(NEW);
    await quiet(first.storage);
    const operations = counting.done.length - reads;
    expect(operations).toBeGreaterThanOrEqual(5);

    let found = 0;
    const seen = new Set<number>();
    for (let last = 1; last <= operations + 1; last++) {
      const disk = FakeDisk.with(whole);
      const { storage } = await openOn(disk);
      let left = last;
      const crashed: FakeDisk[] = [];
      disk.before = () => {
        left -= 1;
        if (left === 0) crashed.push(...disk.afterCrash());
      };
      storage.save(NEW);
      await quiet(storage);
      if (last > operations) crashed.push(...disk.afterCrash());
      for (const remains of crashed) {
        const { storage: again, facts } = await openOn(remains);
        expect([OLD, NEW]).toContainEqual(again.snapshot);
        expect(new Uint8Array(again.catalog ?? [])).toEqual(CATALOG);
        expect(facts).toEqual([]);
        seen.add(again.snapshot?.incarnation ?? 0);
        found += 1;
        again.save(numbered(3)); // and what the crash left behind is in nobody's way
        await quiet(again);
        expect(again.degraded).toEqual([]);
        expect(remains.names.get('/data/snapshot')).toEqual(encodeSnapshotFile(numbered(3)));
      }
    }
    expect(found).toBeGreaterThan(encodeSnapshotFile(NEW).length);
    expect([...seen].sort()).toEqual([1, 2]);
  });
});

describe('a snapshot that was reported as stored', () => {
  test('is what every power failure from then on finds', async () => {
    const disk = FakeDisk.with({ '/data/snapshot': encodeSnapshotFile(OLD) });
    const { storage } = await openOn(disk);
    const isStored = new Promise<string | undefined>((resolve) => storage.save(NEW, resolve));
    expect(await isStored).toBeUndefined();
    for (const remains of disk.afterCrash()) expect((await openOn(remains)).storage.snapshot).toEqual(NEW);
  });

  test('is in one write with all that came meanwhile, and none that a newer one replaced is reported', async () => {
    const disk = FakeDisk.with({});
    const { storage } = await openOn(disk);
    const stored: number[] = [];
    const last = new Promise<void>((resolve) => {
      for (let i = 1; i <= 50; i++)
        storage.save(numbered(i), () => {
          stored.push(i);
          if (i === 50) resolve();
        });
    });
    await last;
    expect(stored).toEqual([1, 50]);
    expect(disk.done.filter((operation) => operation === 'create')).toHaveLength(2);
  });

  test.each(['EINVAL', 'ENOTSUP'])(
    'does not wait for a directory that cannot be synced (%s)',
    async (code) => {
      const disk = FakeDisk.with({});
      disk.before = (operation) => {
        if (operation === 'syncDirectory') throw failure(code);
      };
      const { storage } = await openOn(disk);
      expect(await new Promise((resolve) => storage.save(NEW, resolve))).toBeUndefined();
      expect(storage.degraded).toEqual([]);
    },
  );

  test('is restored only after the directory is synced: what is served after a kill outlives the power', async () => {
    const disk = FakeDisk.with({ '/data/snapshot': encodeSnapshotFile(OLD) });
    await disk.create('/data/snapshot.tmp', encodeSnapshotFile(NEW));
    await disk.rename('/data/snapshot.tmp', '/data/snapshot'); // and killed here
    expect((await openOn(disk)).storage.snapshot).toEqual(NEW);
    for (const remains of disk.afterCrash()) expect((await openOn(remains)).storage.snapshot).toEqual(NEW);
  });

  test('is reported as failed at each attempt, and then as stored', async () => {
    const disk = FakeDisk.with({});
    let failures = 2;
    disk.before = (operation) => {
      if (operation === 'create' && failures-- > 0) throw failure('ENOSPC');
    };
    const { storage } = await openOn(disk);
    const outcomes: (string | undefined)[] = [];
    await new Promise<void>((resolve) => {
      storage.save(NEW, (error) => {
        outcomes.push(error);
        if (error === undefined) resolve();
      });
    });
    expect(outcomes).toEqual(['ENOSPC', 'ENOSPC', undefined]);
  });
});

describe('G15: a corrupt file', () => {
  const damages: [string, (whole: Uint8Array, at: number) => Uint8Array][] = [
    ['torn at any byte', (whole, at) => whole.subarray(0, at)],
    ['with any byte flipped', (whole, at) => whole.map((byte, i) => (i === at ? byte ^ 0xff : byte))],
    ['with a page of zeroes from any byte on', (whole, at) => whole.map((byte, i) => (i < at ? byte : 0))],
  ];
  const files = [
    ['snapshot', encodeSnapshotFile(OLD)],
    ['catalog', encodeCatalogFile(CATALOG.map((i) => i + 1))],
  ] as const;
  for (const [file, whole] of files)
    test.each(damages)(
      `${file} %s: it starts, with one line, and is well when it has written`,
      async (_, damage) => {
        for (let at = 0; at < whole.length; at++) {
          const path = `/data/${file}`;
          const bad = damage(whole, at);
          const disk = FakeDisk.with({ [path]: bad, [`${path}.bad`]: Uint8Array.of(1) });
          const { storage, facts } = await openOn(disk);
          expect(storage.snapshot, `at ${at}`).toBeUndefined();
          expect(storage.catalog).toBeUndefined();
          expect(facts).toMatchObject([{ kind: 'snapshotQuarantined', file: path }]);
          expect(storage.degraded).toHaveLength(1);
          expect(storage.degraded[0]).toContain(`${file} was quarantined`);
          expect([...disk.names.keys()]).toEqual([`${path}.bad`]); // one, however often it happens
          expect(disk.names.get(`${path}.bad`)).toEqual(bad);

          storage.save(NEW);
          storage.saveCatalog(CATALOG);
          await quiet(storage);
          expect(storage.degraded).toEqual([]);
          expect((await openOn(disk)).storage.snapshot).toEqual(NEW);
        }
      },
    );
});

const CODES = ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ESTALE'];

describe('G15: a disk that fails', () => {
  const operations: Operation[] = [
    'makeDirectory',
    'stat',
    'read',
    'create',
    'rename',
    'remove',
    'syncDirectory',
  ];
  test.each(operations.flatMap((operation) => CODES.map((code) => [operation, code] as const)))(
    'at %s with %s: it starts, says so once, and writes the newest when the disk is well',
    async (operation, code) => {
      const disk = FakeDisk.with({ '/data/snapshot': encodeSnapshotFile(OLD) });
      let isBroken = true;
      let tried = 0;
      disk.before = (asked) => {
        if (!isBroken || asked !== operation) return;
        tried += 1;
        throw failure(code);
      };
      const { storage, facts } = await openOn(disk);
      storage.save(NEW);
      if (operation === 'stat' || operation === 'read') expect(storage.degraded[0]).toContain(code);
      else await until(() => tried >= 2, 'it tries more than once');
      if (operation !== 'stat' && operation !== 'read')
        expect(storage.degraded).toEqual([
          `the data directory cannot be used, state is in memory only: ${code}`,
        ]);

      isBroken = false;
      await until(() => storage.degraded.length === 0, 'it recovers');
      await quiet(storage);
      const said = facts.filter(({ kind }) => kind !== 'storageRecovered');
      expect(said).toHaveLength(1);
      expect((await openOn(disk)).storage.snapshot).toEqual(NEW);
    },
  );

  test('does not lose the registrations that it could not read: they are quarantined', async () => {
    const whole = encodeSnapshotFile(OLD);
    const disk = FakeDisk.with({ '/data/snapshot': whole });
    disk.before = (asked) => {
      if (asked === 'read') throw failure('EIO');
    };
    const { storage, facts } = await openOn(disk);
    expect(facts).toEqual([
      { kind: 'snapshotQuarantined', file: '/data/snapshot', reason: 'it cannot be read (EIO)' },
    ]);
    storage.save(NEW);
    await quiet(storage);
    expect(disk.names.get('/data/snapshot.bad')).toEqual(whole);
  });

  test('by being slow is reported once, and recovers when a write is fast again', async () => {
    const disk = FakeDisk.with({});
    let go = (): void => {};
    let isSlow = true;
    disk.before = async (asked) => {
      if (asked === 'create' && isSlow)
        await new Promise<void>((resolve) => {
          go = resolve;
        });
    };
    const { storage, facts } = await openOn(disk, { patience: 20 });
    storage.save(OLD);
    await until(() => storage.degraded.length > 0, 'it is shown');
    expect(storage.degraded[0]).toContain('a write takes too long');
    storage.save(NEW);
    go();
    await until(() => disk.names.has('/data/snapshot'), 'the first is written');
    expect(storage.degraded).toHaveLength(1);
    isSlow = false;
    go();
    await until(() => storage.degraded.length === 0, 'it is well');
    await quiet(storage);
    expect(facts.map(({ kind }) => kind)).toEqual(['storageFailed', 'storageRecovered']);
    expect(disk.names.get('/data/snapshot')).toEqual(encodeSnapshotFile(NEW));
  });
});

describe('S25: on a real disk', () => {
  let dir = '';
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const prepare = (): string => {
    dir = mkdtempSync(join(tmpdir(), 'hearsay-faults-'));
    writeFileSync(join(dir, 'snapshot'), encodeSnapshotFile(OLD), { mode: 0o600 });
    return join(dir, 'snapshot');
  };

  test.each([0o620, 0o602, 0o666])(
    'a file with mode %o is refused: others could have changed it',
    async (open) => {
      chmodSync(prepare(), open);
      await expect(openStorage(dir, noting().record)).rejects.toMatchObject({
        code: 'config',
        message: `${join(dir, 'snapshot')} can be written by other users (mode 0${open.toString(8)}): chmod 600 it`,
      });
      expect(readdirSync(dir)).toEqual(['snapshot']);
    },
  );

  test.runIf(process.geteuid?.() === 0)('a file of another user is refused', async () => {
    execFileSync('chown', ['12345', prepare()]);
    await expect(openStorage(dir, noting().record)).rejects.toThrow('belongs to another user (uid 12345)');
  });

  test('what is not a file is quarantined, and a pipe does not block the start', async () => {
    rmSync(prepare());
    execFileSync('mkfifo', [join(dir, 'snapshot')]);
    mkdirSync(join(dir, 'catalog', 'with something in it'), { recursive: true });
    const { record: note, facts } = noting();
    const storage = await openStorage(dir, note);
    opened.push(storage);
    expect(facts.map(({ kind }) => kind)).toEqual(['snapshotQuarantined', 'snapshotQuarantined']);
    storage.save(NEW);
    storage.saveCatalog(CATALOG);
    await storage.close();
    expect(storage.degraded).toEqual([]);
    expect(readdirSync(dir).sort()).toEqual(['catalog', 'catalog.bad', 'snapshot', 'snapshot.bad']);
  });
});
