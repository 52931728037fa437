import { expect, test } from 'vitest';
import { startStory, withStatus } from './start-story.ts';

test('a false suspicion is refuted: the accused raises its incarnation, and all take it back', () => {
  const {
    cut,
    run: pass,
    statusHistory: saw,
    statusByObserver: seenAs,
    member: view,
    facts,
  } = startStory('ann bob cat dan eve', { seed: 5 });

  const lift = cut('bob', '*');
  pass('3s');
  lift();
  pass('10s');

  expect(saw('ann', 'bob')).toEqual(['suspect', 'alive']);
  expect(seenAs('bob')).toEqual(withStatus('ann cat dan eve', 'alive'));
  expect(view('ann', 'bob')?.incarnation).toBeGreaterThan(1);
  expect(facts('suspicionRefuted', 'bob').length).toBeGreaterThan(0);
});

test('who hears nobody suspects everybody, but is alone with it', () => {
  const {
    cut,
    run: pass,
    statusByObserver: seenAs,
    statusHistory: saw,
  } = startStory('ann bob cat dan eve', { seed: 6 });

  const lift = cut('*', 'bob', { oneWay: true });
  pass('5s');
  lift();
  pass('60s');

  for (const name of ['ann', 'cat', 'dan', 'eve']) {
    for (const observer of ['ann', 'cat', 'dan', 'eve'])
      if (name !== observer) expect(saw(observer, name)).not.toContain('failed');
    expect(seenAs(name)).toEqual(
      withStatus('ann bob cat dan eve'.replace(name, '').trim().replace(/ +/g, ' '), 'alive'),
    );
  }
});
