import { expect, test } from 'vitest';
import type { Fact } from '../../../../src/agent/contract/facts.ts';
import type { SimHostOptions } from '../../../../src/sim/world/host.ts';
import { pair } from '../scripted-agent.ts';

const failed = { kind: 'memberFailed', node: 'bob' } as const satisfies Fact;
const back = { kind: 'pauseEnded', node: 'bob', returned: true } as const satisfies Fact;
const DURATION = 10_000;

/** ann and bob see each other, and bob stops for ten seconds once ann has acknowledged that. */
function pausing(options: SimHostOptions = {}, told = 1) {
  const it = pair(options);
  it.ann.show('bob', { address: it.world.host('bob').address });
  it.bob.show('ann', { address: it.world.host('ann').address });
  it.world.command('bob', { kind: 'pause', duration: DURATION });
  it.poke('bob', { kind: 'fact', fact: { kind: 'pauseAnnounced', peers: 1, told } }, { kind: 'stopped' });
  it.world.stop('bob');
  return it;
}

test('I23: a member that pauses is shown as failed, or suspected, though it said that it will be back', () => {
  expect(pausing().step(failed)).toContain('I23');
  const { world, step, checkers } = pausing();
  world.run(DURATION - 100);
  const reason = { kind: 'message', by: 'cat', source: '' } as const;
  const suspected = {
    kind: 'memberSuspected',
    node: 'bob',
    by: 'cat',
    incarnation: 1,
    deadline: 0,
    reason,
  } as const;
  expect(step(suspected)).toContain('I23');
  expect(checkers.judgments.I23).toBeGreaterThan(5);
});

test.each<[string, (it: ReturnType<typeof pausing>) => void]>([
  ['the time is over', ({ world }) => world.run(DURATION + 100)],
  ['the member is back', ({ world }) => world.start('bob')],
  [
    'the observer has started again',
    ({ world }) => {
      world.stop('ann');
      world.start('ann');
    },
  ],
])('I23 does not judge when %s', (_, happens) => {
  const it = pausing();
  happens(it);
  expect(it.step(failed)).not.toContain('I23');
});

test('I23 judges neither Serf peers, nor a pause that not all have acknowledged', () => {
  expect(pausing({ serfPeer: true }).step(failed)).not.toContain('I23');
  expect(pausing({}, 0).step(failed)).not.toContain('I23');
});

test('I24: a member stays away, or alive, though its pause is long over', () => {
  const away = pausing();
  away.ann.show('bob', { status: 'away' });
  away.world.run(DURATION + 10_000);
  expect(away.step(back)).toContain('I24');

  const alive = pausing();
  alive.world.run(DURATION + 70_000);
  expect(alive.step(back)).toContain('I24');

  const failedInTime = pausing();
  failedInTime.ann.show('bob', { state: 'dead' });
  failedInTime.world.run(DURATION + 70_000);
  expect(failedInTime.step(back)).not.toContain('I24');
  expect(failedInTime.checkers.judgments.I24).toBeGreaterThan(0);
});
