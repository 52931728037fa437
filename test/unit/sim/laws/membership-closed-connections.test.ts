import { expect, test } from 'vitest';
import type { Fact } from '../../../../src/agent/contract/facts.ts';
import { pair } from '../scripted-agent.ts';

const closed = { kind: 'connectionClosed', node: 'bob' } as const satisfies Fact;
const reason = { kind: 'closed', accusers: ['ann', 'cat'], refusals: 3, durationMs: 1000 } as const;
const death = {
  ...{ kind: 'memberDeclaredDead', node: 'bob', by: 'ann', incarnation: 1, left: false, reason },
} as const satisfies Fact;

/** ann and bob have run for twenty seconds, and cat and dan watch bob. */
function watched() {
  const it = pair();
  for (const label of ['cat', 'dan']) {
    it.world.add(label);
    it.world.start(label);
  }
  it.ann.show('bob', { address: it.world.host('bob').address });
  it.bob.watchers = ['cat', 'dan'];
  it.world.run(20_000);
  return it;
}

test('I31: declared dead by closed connection, and its process has run all the while', () => {
  const { world, step, checkers } = watched();
  step(closed);
  world.run(1000);
  expect(step(death)).toContain('I31');
  expect(checkers.judgments.I31).toBe(1);
});

test('I31: no other watcher was refused', () => {
  const { world, step } = watched();
  world.stop('bob');
  step(closed);
  world.run(1000);
  expect(step({ ...death, reason: { ...reason, accusers: ['ann'] } })).toContain('I31');
});

test('I31: restarted in place before the grace was over', () => {
  const { world, step } = watched();
  world.stop('bob');
  step(closed);
  world.run(500);
  world.start('bob');
  world.run(600);
  expect(step({ ...death, reason: { ...reason, durationMs: 1100 } })).toContain('I31');
});

test.each<[string, (it: ReturnType<typeof watched>) => void]>([
  ['the process has ended', ({ world }) => world.stop('bob')],
  [
    'it was started again after the grace',
    ({ world }) => {
      world.stop('bob');
      world.run(1500);
      world.start('bob');
    },
  ],
  [
    'it lives at another address',
    ({ world }) => {
      world.stop('bob');
      world.start('bob', { newAddress: true });
    },
  ],
  ['nobody reaches it', ({ world }) => void world.network.addRule({ to: ['bob'], reject: true })],
])('I31: no violation if %s', (_, happens) => {
  const it = watched();
  it.step(closed);
  happens(it);
  it.world.run(1000);
  const since = it.world.now - 20_000;
  expect(it.step({ ...death, reason: { ...reason, durationMs: since } })).not.toContain('I31');
});

test('I10: an accusation by closed connection of which none closed', () => {
  expect(watched().step(death)).toContain('I10');
  const { step } = watched();
  step(closed);
  expect(step(death)).not.toContain('I10');
});

test('I32: a process that ended is not shown as failed after the grace', () => {
  const { world, broken, checkers } = watched();
  world.stop('bob');
  world.run(2500);
  expect(broken()).not.toContain('I32');
  world.run(2500);
  expect(broken()).toContain('I32');
  expect(checkers.judgments.I32).toBe(3); // once at each observer
});

test.each<[string, (it: ReturnType<typeof watched>) => void]>([
  ['it is shown as failed', ({ ann }) => ann.show('bob', { status: 'failed', state: 'dead' })],
  [
    'the machine lost its power',
    ({ world }) => {
      world.start('bob');
      world.stop('bob', { powerOff: true });
    },
  ],
  ['packets are lost', ({ world }) => void world.network.addRule({ loss: 0.1 })],
  ['another process ended, too', ({ world }) => world.stop('dan')],
  ['somebody is suspended', ({ world }) => world.pause('dan')],
])('I32: no violation if %s', (_, happens) => {
  const it = watched();
  it.world.stop('bob');
  happens(it);
  it.world.run(10_000);
  expect(it.broken()).not.toContain('I32');
});

test('I32 does not judge a process that only one other watches', () => {
  const { world, broken, bob } = watched();
  bob.watchers = ['cat'];
  world.run(2000);
  world.stop('bob');
  world.run(10_000);
  expect(broken()).not.toContain('I32');
});

/** A firewall that forgets connections tells nobody: each end finds out when it tests its own. */
test('I32 does not judge a process whose watchers hold connections that were forgotten on their way', () => {
  const { world, broken } = watched();
  const [bob, cat] = [world.host('bob'), world.host('cat')];
  world.streams.dial(cat, 1, bob.address);
  world.run(1000);
  world.streams.forget(bob, cat);
  world.run(2000);
  world.stop('bob');
  world.run(10_000);
  expect(broken()).not.toContain('I32');
});
