import { expect, test } from 'vitest';
import { createEchoWorld, nowhere } from '../echo-agent.ts';

const long = Array.from({ length: 2000 }, (_, i) => `word${i}`).join(' ');

test('data arrives complete and in order, cut anywhere', () => {
  const pieces = new Set<number>();
  for (let seed = 1; seed <= 10; seed++) {
    const { world, echo, dial, write } = createEchoWorld('ann bob', {}, seed);
    dial('ann', world.host('bob').address);
    world.run(50);
    write('ann', long);
    world.run(50);

    expect(echo('bob').text('streamData').join('')).toBe(long);
    expect(echo('ann').text('streamData').join('')).toBe(long);
    pieces.add(echo('bob').text('streamData').length);
  }
  expect(pieces.size).toBeGreaterThan(1);
});

test('a graceful close closes both ends without a reason', () => {
  const { world, echo, dial, write } = createEchoWorld('ann bob');
  dial('ann', world.host('bob').address);
  world.run(50);
  write('ann', 'bye', true);
  world.run(50);

  const closed = (label: string) =>
    echo(label).received.flatMap(({ input }) => (input.kind === 'streamClosed' ? [input] : []));
  expect(echo('ann').text('streamData').join('')).toBe('bye');
  expect(closed('bob')).toEqual([{ kind: 'streamClosed', stream: 1 }]);
  expect(closed('ann')).toEqual([{ kind: 'streamClosed', stream: 2 }]);
});

test('no listener: refused at once; no such address, or a machine without power: silence', () => {
  const { world, echo, dial } = createEchoWorld('ann bob eve');
  world.stop('bob');
  world.stop('eve', { powerOff: true });
  world.run(10); // for a moment the kernel accepts what it then closes

  dial('ann', world.host('bob').address, 2);
  world.run(100);
  dial('ann', world.host('eve').address, 4);
  world.run(100);
  dial('ann', nowhere, 6);
  world.run(10_000);

  const closed = echo('ann').received.flatMap(({ input }) => (input.kind === 'streamClosed' ? [input] : []));
  expect(closed).toEqual([
    { kind: 'streamClosed', stream: 2, why: 'connection refused', failure: 'refused' },
  ]);
});

test('a stream waits out a cut and then delivers everything', () => {
  const { world, echo, dial, write } = createEchoWorld('ann bob');
  dial('ann', world.host('bob').address);
  world.run(50);
  const lift = world.network.addRule({ from: ['ann'], to: ['bob'] });
  write('ann', 'late');
  world.run(5000);
  expect(echo('bob').text('streamData')).toEqual([]);

  lift();
  world.run(5000);

  expect(echo('bob').text('streamData').join('')).toBe('late');
});

test('a process that dies resets its streams', () => {
  const { world, echo, dial } = createEchoWorld('ann bob');
  dial('ann', world.host('bob').address);
  world.run(50);
  world.stop('bob');
  world.run(50);

  expect(echo('ann').kinds().slice(-1)).toEqual(['streamClosed']);
});

test('a dial to a paused process succeeds, since its kernel answers; it gets the stream when it resumes', () => {
  const { world, echo, dial, write } = createEchoWorld('ann bob');
  world.pause('bob');
  dial('ann', world.host('bob').address);
  world.run(50);
  expect(echo('ann').kinds()).toContain('streamOpened');
  write('ann', 'hi');
  world.run(3000);
  expect(echo('bob').kinds()).toEqual([]);

  world.resume('bob');

  expect(echo('bob').kinds().slice(0, 2)).toEqual(['streamAccepted', 'streamData']);
});

test('a stream that is closed by its owner notifies only the peer', () => {
  const { world, echo, dial } = createEchoWorld('ann bob');
  dial('ann', world.host('bob').address);
  world.run(50);
  echo('ann').emitAt({ kind: 'closeStream', stream: 2 }, world.now);
  world.command('ann', { kind: 'leave' });
  world.run(50);

  expect(echo('ann').kinds()).not.toContain('streamClosed');
  expect(echo('bob').kinds()).toContain('streamClosed');
});

test('a host that can dial but not be dialed: its own streams carry data both ways, none is accepted', () => {
  const { world, echo, dial, write } = createEchoWorld('ann bob');
  world.network.addRule({ to: ['bob'], connectOnly: true });
  dial('ann', world.host('bob').address);
  dial('bob', world.host('ann').address);
  world.run(50);
  write('bob', 'hello');
  world.run(5000);

  expect(echo('bob').kinds()).not.toContain('streamAccepted');
  expect(echo('bob').text('streamData').join('')).toBe('hello');
  expect(echo('ann').kinds()).not.toContain('streamOpened');
});
