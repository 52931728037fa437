import { expect, test } from 'vitest';
import { startStory, withStatus } from './start-story.ts';

test('a member whose direct path is cut stays alive, because others vouch for it', () => {
  const {
    cut,
    run: pass,
    statusByObserver: seenAs,
    statusHistory: saw,
  } = startStory('ann bob cat dan eve', { seed: 7 });

  cut('ann', 'bob');
  pass('60s');

  expect(seenAs('bob')).toEqual(withStatus('ann cat dan eve', 'alive'));
  expect(saw('ann', 'bob')).toEqual([]);
  expect(saw('bob', 'ann')).toEqual([]);
});

test('when only its acks are lost on one path, nobody suspects it', () => {
  const { cut, run: pass, statusHistory: saw, facts } = startStory('ann bob cat dan eve', { seed: 8 });

  cut('bob', 'ann', { oneWay: true, kinds: ['ack'] });
  pass('60s');

  for (const observer of ['ann', 'cat', 'dan', 'eve']) expect(saw(observer, 'bob')).toEqual([]);
  expect(facts('memberSuspected')).toEqual([]);
});

test('when all its acks are lost, the ping over a stream still finds it', () => {
  const { cut, run: pass, statusHistory: saw, facts } = startStory('ann bob cat dan eve', { seed: 9 });

  cut('bob', '*', { oneWay: true, kinds: ['ack'] });
  pass('60s');

  for (const observer of ['ann', 'cat', 'dan', 'eve']) expect(saw(observer, 'bob')).toEqual([]);
  expect(facts('probeSavedByTcp').map(({ node }) => node)).toContain('bob');
});

test('conformance: all UDP of one dropped for 10 s: it stays alive through the TCP fallback ping', () => {
  const { cut, run: pass, statusByObserver: seenAs, facts } = startStory('ann bob cat dan', { seed: 10 });

  const lift = cut('bob', '*', { transport: 'udp' });
  pass('10s');
  lift();
  pass('60s');

  expect(facts('memberFailed')).toEqual([]);
  expect(seenAs('bob')).toEqual(withStatus('ann cat dan', 'alive'));
  expect(seenAs('ann')).toEqual(withStatus('bob cat dan', 'alive'));
  expect(facts('probeSavedByTcp').map(({ node }) => node)).toContain('bob');
});

test('without TCP, UDP alone keeps everybody alive', () => {
  const { cut, run: pass, facts } = startStory('ann bob cat dan', { seed: 11 });

  cut('*', '*', { transport: 'tcp' });
  pass('5m');

  expect(facts('memberSuspected')).toEqual([]);
});

test('conformance: ten minutes in a cluster of four without one failed probe', () => {
  const { run: pass, facts } = startStory('ann bob cat dan', { seed: 12, detail: 'facts' });

  pass('10m');

  expect(facts('probeFailed')).toEqual([]);
  expect(facts('memberSuspected')).toEqual([]);
  expect(facts('packetRejected')).toEqual([]);
  expect(facts('streamRejected')).toEqual([]);
});

test('partial mesh: two that cannot hear each other at all do not flap', () => {
  const {
    cut,
    run: pass,
    statusHistory: saw,
    statusByObserver: seenAs,
  } = startStory('ann bob cat dan eve', { seed: 13, detail: 'facts' });

  cut('ann', 'bob');
  pass('10m');

  expect(saw('ann', 'bob').length).toBeLessThanOrEqual(2);
  expect(saw('bob', 'ann').length).toBeLessThanOrEqual(2);
  expect(seenAs('bob')).toEqual(withStatus('ann cat dan eve', 'alive'));
});
