import { expect, test } from 'vitest';
import type { Fact } from '../../../../src/agent/contract/facts.ts';
import type { SimHostOptions } from '../../../../src/sim/world/host.ts';
import { pair } from '../scripted-agent.ts';

const failed = { kind: 'memberFailed', node: 'bob' } as const satisfies Fact;

/** ann sees bob, who is told to leave. */
function leaving(options: SimHostOptions = {}) {
  const it = pair(options);
  it.ann.show('bob', { address: it.world.host('bob').address });
  it.world.command('bob', { kind: 'leave' });
  return it;
}

test('I21: a member that leaves in order is shown as failed', () => {
  expect(leaving().step(failed)).toContain('I21');

  const later = leaving();
  later.poke('bob', { kind: 'fact', fact: { kind: 'leaveFinished', propagated: true } }, { kind: 'stopped' });
  later.world.stop('bob');
  expect(later.step(failed)).toContain('I21');
});

test.each<[string, (it: ReturnType<typeof leaving>) => void]>([
  ['a packet was lost', ({ world }) => Object.assign(world.counts, { lost: 1 })],
  ['the leaver was killed before it had finished', ({ world }) => world.stop('bob')],
  [
    'the leaver has started again',
    ({ world }) => {
      world.stop('bob');
      world.start('bob');
    },
  ],
  [
    'the leaver could not send its leave in time',
    (it) => {
      it.poke('bob', { kind: 'fact', fact: { kind: 'leaveFinished', propagated: false } });
      it.world.stop('bob');
    },
  ],
])('I21 does not judge when %s', (_, happens) => {
  const it = leaving();
  happens(it);
  expect(it.step(failed)).not.toContain('I21');
});

test('I21 does not judge what is shown of another host of that name (seed 2000804)', () => {
  const it = leaving();
  it.poke('bob', { kind: 'fact', fact: { kind: 'leaveFinished', propagated: true } });
  it.world.stop('bob');
  it.world.add('twin', { name: 'bob' });
  it.world.start('twin');
  expect(it.step(failed)).toContain('I21');

  const other = leaving();
  other.world.add('twin', { name: 'bob' });
  other.world.start('twin');
  other.ann.show('bob', { address: other.world.host('twin').address });
  expect(other.step(failed)).not.toContain('I21');
});

test('I21 does not judge Serf peers', () => {
  expect(leaving({ serfPeer: true }).step(failed)).not.toContain('I21');
});
