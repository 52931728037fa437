import { expect, test } from 'vitest';
import { echoes } from './echo.ts';

test('a datagram arrives after the latency and is answered', () => {
  const { world, echo, send } = echoes('ann bob', { weather: { latency: 10, jitter: 0 } });

  send('ann', 'bob', 'hello');
  world.run(100);

  expect(echo('bob').text('packet')).toEqual(['hello']);
  expect(echo('ann').text('packet')).toEqual(['!hello']);
  expect(echo('bob').heard.find(({ input }) => input.kind === 'packet')?.at).toBe(11);
});

test('a deadline brings a tick at that instant', () => {
  const { world, echo, send } = echoes('ann bob');
  world.run(500);

  send('ann', 'bob', 'x');
  world.run(10);

  const ticks = echo('ann').heard.filter(({ input }) => input.kind === 'tick');
  expect(ticks.map(({ at }) => at)).toEqual([0, 501]);
});

test('a paused process gets what its socket held first, and then the overdue tick', () => {
  const { world, echo, send } = echoes('ann bob');
  send('bob', 'ann', 'mine');
  world.pause('bob');
  send('ann', 'bob', 'one');
  world.run(20);
  send('ann', 'bob', 'two');
  world.run(980);
  expect(echo('bob').text('packet')).toEqual([]);

  world.resume('bob');

  const kinds = echo('bob')
    .heard.filter(({ at }) => at === 1000)
    .map(({ input }) => input.kind);
  expect(kinds).toEqual(['packet', 'packet', 'tick']);
  expect(echo('bob').text('packet')).toEqual(['one', 'two']);
});

test('the socket buffer of a paused process is bounded: what does not fit is lost', () => {
  const { world, echo, send } = echoes('ann bob');
  world.pause('bob');
  for (let i = 0; i < 300; i++) {
    send('ann', 'bob', 'x'.repeat(1000));
    world.run(5);
  }

  world.resume('bob');

  const kept = echo('bob').text('packet').length;
  expect(kept).toBeGreaterThan(100);
  expect(kept).toBeLessThan(200);
  expect(world.counts.overflown).toBe(300 - kept);
});

test('nothing reaches a stopped process; a new one at the same address starts with nothing', () => {
  const { world, echo, send } = echoes('ann bob');
  world.stop('bob');
  send('ann', 'bob', 'one');
  world.run(10);

  world.start('bob');
  send('ann', 'bob', 'two');
  world.run(10);

  expect(echo('bob').text('packet')).toEqual(['two']);
  expect(world.host('bob').lives).toBe(2);
});

test('a host that moved is at its new address only', () => {
  const { world, echo, send } = echoes('ann bob');
  const old = world.host('bob').address;
  world.stop('bob');
  world.start('bob', { moved: true });

  echo('ann').will({ kind: 'sendPacket', to: old, packet: new Uint8Array([65]) }, world.now);
  send('ann', 'bob', 'B');
  world.run(10);

  expect(echo('bob').text('packet')).toEqual(['B']);
});

test('a command is answered, and the answer is kept with its time', () => {
  const { world } = echoes('ann');
  world.run(42);

  const asked = world.command('ann', { kind: 'leave' });

  expect(asked.result).toEqual({ ok: true });
  expect(asked.at).toBe(42);
});

test('what an agent asks to remember is its host’s disk, and outlives the process', () => {
  const { world, echo } = echoes('ann');
  const snapshot = { incarnation: 7, clocks: { member: 1, event: 1, query: 1 }, peers: [] };
  echo('ann').will({ kind: 'remember', snapshot }, 1);
  world.command('ann', { kind: 'leave' });
  world.run(10);
  world.stop('ann');

  world.start('ann');
  expect(echo('ann').options.snapshot).toBeUndefined();
  world.stop('ann');
  world.start('ann', { remember: true });
  expect(echo('ann').options.snapshot).toEqual(snapshot);
});

test('same seed, same trace; another seed, another trace', () => {
  const run = (seed: number): string => {
    const { world, send } = echoes(
      'ann bob',
      { trace: { detail: 'packets', keep: 0 }, weather: { loss: 0.3, duplicate: 0.2, reorder: 0.3 } },
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

test('an agent whose deadline never moves on is found out', () => {
  const { world, echo } = echoes('ann');
  Object.defineProperty(echo('ann'), 'deadline', { get: () => 0, set: () => {} });
  world.command('ann', { kind: 'leave' });

  expect(() => world.run(10)).toThrow(/ticks without end/);
});
