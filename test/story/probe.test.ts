import { expect, test } from 'vitest';
import { startStory, withStatus } from './start-story.ts';

test('a member whose direct path is cut stays alive by indirect probes', () => {
  const { cut, run, statusByObserver, statusHistory } = startStory('ann bob cat dan eve', { seed: 7 });

  cut('ann', 'bob');
  run('60s');

  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'alive'));
  expect(statusHistory('ann', 'bob')).toEqual([]);
  expect(statusHistory('bob', 'ann')).toEqual([]);
});

test('if only its acks are lost on one path, nobody suspects it', () => {
  const { cut, run, statusHistory, facts } = startStory('ann bob cat dan eve', { seed: 8 });

  cut('bob', 'ann', { oneWay: true, kinds: ['ack'] });
  run('60s');

  for (const observer of ['ann', 'cat', 'dan', 'eve']) expect(statusHistory(observer, 'bob')).toEqual([]);
  expect(facts('memberSuspected')).toEqual([]);
});

test('if all its acks are lost, the TCP fallback ping still reaches it', () => {
  const { cut, run, statusHistory, facts } = startStory('ann bob cat dan eve', { seed: 9 });

  cut('bob', '*', { oneWay: true, kinds: ['ack'] });
  run('60s');

  for (const observer of ['ann', 'cat', 'dan', 'eve']) expect(statusHistory(observer, 'bob')).toEqual([]);
  expect(facts('probeSavedByTcp').map(({ node }) => node)).toContain('bob');
});

test('conformance: all UDP of one member dropped for 10 s: it stays alive through the TCP fallback ping', () => {
  const { cut, run, statusByObserver, facts } = startStory('ann bob cat dan', { seed: 10 });

  const lift = cut('bob', '*', { transport: 'udp' });
  run('10s');
  lift();
  run('60s');

  expect(facts('memberFailed')).toEqual([]);
  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan', 'alive'));
  expect(statusByObserver('ann')).toEqual(withStatus('bob cat dan', 'alive'));
  expect(facts('probeSavedByTcp').map(({ node }) => node)).toContain('bob');
});

test('without TCP, UDP alone keeps everybody alive', () => {
  const { cut, run, facts } = startStory('ann bob cat dan', { seed: 11 });

  cut('*', '*', { transport: 'tcp' });
  run('5m');

  expect(facts('memberSuspected')).toEqual([]);
});

test('conformance: ten minutes in a cluster of four without one failed probe', () => {
  const { run, facts } = startStory('ann bob cat dan', { seed: 12, detail: 'facts' });

  run('10m');

  expect(facts('probeFailed')).toEqual([]);
  expect(facts('memberSuspected')).toEqual([]);
  expect(facts('packetRejected')).toEqual([]);
  expect(facts('streamRejected')).toEqual([]);
});

test('partial mesh: two members that cannot reach each other at all do not flap', () => {
  const { cut, run, statusHistory, statusByObserver } = startStory('ann bob cat dan eve', {
    seed: 13,
    detail: 'facts',
  });

  cut('ann', 'bob');
  run('10m');

  expect(statusHistory('ann', 'bob').length).toBeLessThanOrEqual(2);
  expect(statusHistory('bob', 'ann').length).toBeLessThanOrEqual(2);
  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'alive'));
});
