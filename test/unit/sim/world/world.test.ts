import { describe, expect, test } from 'vitest';
import type { Snapshot } from '../../../../src/agent/contract/machine.ts';
import type { SimDisk } from '../../../../src/sim/world/host.ts';
import { createEchoWorld } from '../echo-agent.ts';

test('a datagram arrives after the latency and is answered', () => {
  const { world, echo, send } = createEchoWorld('ann bob', { linkQuality: { latency: 10, jitter: 0 } });

  send('ann', 'bob', 'hello');
  world.run(100);

  expect(echo('bob').text('packet')).toEqual(['hello']);
  expect(echo('ann').text('packet')).toEqual(['!hello']);
  expect(echo('bob').received.find(({ input }) => input.kind === 'packet')?.at).toBe(11);
});

test('a deadline brings a tick at that instant', () => {
  const { world, echo, send } = createEchoWorld('ann bob');
  world.run(500);

  send('ann', 'bob', 'x');
  world.run(10);

  const ticks = echo('ann').received.filter(({ input }) => input.kind === 'tick');
  expect(ticks.map(({ at }) => at)).toEqual([0, 501]);
});

test('a paused process gets its buffered inputs first, and then the overdue tick', () => {
  const { world, echo, send } = createEchoWorld('ann bob');
  send('bob', 'ann', 'mine');
  world.pause('bob');
  send('ann', 'bob', 'one');
  world.run(20);
  send('ann', 'bob', 'two');
  world.run(980);
  expect(echo('bob').text('packet')).toEqual([]);

  world.resume('bob');

  const kinds = echo('bob')
    .received.filter(({ at }) => at === 1000)
    .map(({ input }) => input.kind);
  expect(kinds).toEqual(['packet', 'packet', 'tick']);
  expect(echo('bob').text('packet')).toEqual(['one', 'two']);
});

test('the socket buffer of a paused process is bounded: what does not fit is lost', () => {
  const { world, echo, send } = createEchoWorld('ann bob');
  world.pause('bob');
  for (let i = 0; i < 300; i++) {
    send('ann', 'bob', 'x'.repeat(1000));
    world.run(5);
  }

  world.resume('bob');

  const kept = echo('bob').text('packet').length;
  expect(kept).toBeGreaterThan(100);
  expect(kept).toBeLessThan(200);
  expect(world.counts.bufferOverflows).toBe(300 - kept);
});

test('nothing reaches a stopped process; a new one at the same address starts without buffered inputs', () => {
  const { world, echo, send } = createEchoWorld('ann bob');
  world.stop('bob');
  send('ann', 'bob', 'one');
  world.run(10);

  world.start('bob');
  send('ann', 'bob', 'two');
  world.run(10);

  expect(echo('bob').text('packet')).toEqual(['two']);
  expect(world.host('bob').bootCount).toBe(2);
});

test('a host with a new address is reached there only', () => {
  const { world, echo, send } = createEchoWorld('ann bob');
  const old = world.host('bob').address;
  world.stop('bob');
  world.start('bob', { newAddress: true });

  echo('ann').emitAt({ kind: 'sendPacket', to: old, packet: new Uint8Array([65]) }, world.now);
  send('ann', 'bob', 'B');
  world.run(10);

  expect(echo('bob').text('packet')).toEqual(['B']);
});

test('a command gets its result, with the time of the reply', () => {
  const { world } = createEchoWorld('ann');
  world.run(42);

  const pending = world.command('ann', { kind: 'leave' });

  expect(pending.result).toEqual({ ok: true });
  expect(pending.repliedAt).toBe(42);
});

test('a saved snapshot is on the host’s disk, and outlives the process', () => {
  const { world, echo } = createEchoWorld('ann');
  const snapshot = { incarnation: 7, clocks: { member: 1, event: 1, query: 1 }, peers: [] };
  echo('ann').emitAt({ kind: 'saveSnapshot', revision: 1, snapshot }, 1);
  world.command('ann', { kind: 'leave' });
  world.run(10);
  world.stop('ann');

  world.start('ann');
  expect(echo('ann').options.snapshot).toBeUndefined();
  world.stop('ann');
  world.start('ann', { restore: true });
  expect(echo('ann').options.snapshot).toEqual(snapshot);
});

test('same seed, same trace; another seed, another trace', () => {
  const run = (seed: number): string => {
    const { world, send } = createEchoWorld(
      'ann bob',
      { trace: { detail: 'packets', maxLines: 0 }, linkQuality: { loss: 0.3, duplicate: 0.2, reorder: 0.3 } },
      seed,
    );
    for (let i = 0; i < 50; i++) {
      send('ann', 'bob', `message ${i}`);
      world.run(3);
    }
    return world.trace.hash;
  };

  expect(run(7)).toBe(run(7));
  expect(run(7)).not.toBe(run(8));
});

test('an agent whose deadline never advances is detected', () => {
  const { world, echo } = createEchoWorld('ann');
  Object.defineProperty(echo('ann'), 'deadline', { get: () => 0, set: () => {} });
  world.command('ann', { kind: 'leave' });

  expect(() => world.run(10)).toThrow(/ticks without end/);
});

test('a host with a new address does not get what was sent to the old one', () => {
  const { world, echo, send } = createEchoWorld('ann bob', { linkQuality: { latency: 100, jitter: 0 } });
  send('ann', 'bob', 'late');
  world.run(50);
  world.stop('bob');
  world.start('bob', { newAddress: true });
  world.run(500);

  expect(echo('bob').text('packet')).toEqual([]);
});

test('a clock that drifts shows the agent another time, and ticks at that time', () => {
  const { world, echo } = createEchoWorld('ann');
  world.add('bob', { driftPpm: 500 });
  world.start('bob');
  world.run(1_000_000);
  const bob = echo('bob');
  bob.emitAt({ kind: 'sendPacket', to: world.host('ann').address, packet: new Uint8Array(1) }, 2_000_000.125);
  world.command('bob', { kind: 'leave' });
  world.run(999_500);

  const ticks = bob.received.filter(({ input }) => input.kind === 'tick');
  expect(ticks).toHaveLength(2);
  expect(ticks[1]?.at).toBeGreaterThanOrEqual(2_000_000.125);
  expect(ticks[1]?.at).toBeLessThan(2_000_000.126);
  expect(echo('ann').received.find(({ input }) => input.kind === 'packet')?.at).toBeLessThan(1_999_010);
});

test('an IPv6 host has an address of sixteen octets, and keeps the family when its address changes', () => {
  const { world } = createEchoWorld('ann');
  const bob = world.add('bob', { v6: true });
  expect(bob.address.ip).toHaveLength(16);
  world.start('bob', { newAddress: true });
  expect(bob.address.ip).toHaveLength(16);
  expect(world.newAddress().ip).toHaveLength(4);
});

describe('a disk', () => {
  const snapshot = (incarnation: number): Snapshot => ({
    incarnation,
    clocks: { member: 1, event: 1, query: 1 },
    peers: [],
  });
  const written = (): SimDisk => {
    const { disk } = createEchoWorld('ann').world.host('ann');
    for (let i = 1; i <= 30; i++) disk.renameSnapshot({ snapshot: snapshot(i), composedAt: i });
    disk.sync();
    disk.saveCatalog(new Uint8Array(3));
    return disk;
  };

  test('that is failing keeps what it has, reports it, and writes the newest when it has recovered', () => {
    const { world, echo } = createEchoWorld('ann');
    const { disk } = world.host('ann');
    const stored = (): string[] =>
      echo('ann').received.flatMap(({ input }) =>
        input.kind === 'snapshotStored' ? [`${input.revision} ${input.error ?? 'ok'}`] : [],
      );
    disk.failing = true;
    const save = (revision: number): void => {
      echo('ann').emitAt({ kind: 'saveSnapshot', revision, snapshot: snapshot(revision) }, world.now + 1);
      world.command('ann', { kind: 'leave' }); // any input makes the world read the deadline again
    };
    save(1);
    world.run(1_000);
    expect([disk.snapshot, stored()]).toEqual([undefined, ['1 ENOSPC']]);
    save(2);
    disk.saveCatalog(new Uint8Array(4));
    expect(disk.catalog).toBeUndefined();
    disk.failing = false;
    world.run(10_000);
    expect([disk.snapshot, stored()]).toEqual([snapshot(2), ['1 ENOSPC', '2 ok']]);
  });

  test('has what was renamed when the process is killed, and only what was synced when the power fails', () => {
    const disk = written();
    disk.renameSnapshot({ snapshot: snapshot(31), composedAt: 31 });
    expect(disk.snapshot?.incarnation).toBe(31);
    disk.losePower();
    expect(disk.snapshot?.incarnation).toBe(30);
  });

  test('whose last writes are torn has an earlier snapshot, or the earliest kept', () => {
    const disk = written();
    disk.tearLastWrites(3);
    expect(disk.snapshot?.incarnation).toBe(27);
    expect(disk.catalog).toBeUndefined();
    for (const octet of [1, 2]) disk.saveCatalog(Uint8Array.of(octet));
    disk.tearLastWrites(1);
    expect(disk.catalog).toEqual(Uint8Array.of(1));
    const other = written();
    other.tearLastWrites(1000);
    expect(other.snapshot?.incarnation).toBe(14);
  });

  test('that is wiped has nothing', () => {
    const disk = written();
    disk.wipe();
    expect([disk.snapshot, disk.catalog]).toEqual([undefined, undefined]);
    disk.tearLastWrites(1);
    expect(disk.snapshot).toBeUndefined();
  });
});
