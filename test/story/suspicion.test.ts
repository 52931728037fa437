import { expect, test } from 'vitest';
import { startStory, withStatus } from './start-story.ts';

test('a false suspicion is refuted: the accused raises its incarnation, and all clear the suspicion', () => {
  const { cut, run, statusHistory, statusByObserver, member, facts } = startStory('ann bob cat dan eve', {
    seed: 5,
  });

  const lift = cut('bob', '*');
  run('3s');
  lift();
  run('10s');

  expect(statusHistory('ann', 'bob')).toEqual(['suspect', 'alive']);
  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'alive'));
  expect(member('ann', 'bob')?.incarnation).toBeGreaterThan(1);
  expect(facts('suspicionRefuted', 'bob').length).toBeGreaterThan(0);
});

test('a member that receives nothing suspects all others, but nobody confirms it', () => {
  const { cut, run, statusByObserver, statusHistory } = startStory('ann bob cat dan eve', { seed: 6 });

  const lift = cut('*', 'bob', { oneWay: true });
  run('5s');
  lift();
  run('60s');

  for (const name of ['ann', 'cat', 'dan', 'eve']) {
    for (const observer of ['ann', 'cat', 'dan', 'eve'])
      if (name !== observer) expect(statusHistory(observer, name)).not.toContain('failed');
    expect(statusByObserver(name)).toEqual(
      withStatus('ann bob cat dan eve'.replace(name, '').trim().replace(/ +/g, ' '), 'alive'),
    );
  }
});
