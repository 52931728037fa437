/** Sync statuses in a simulated cluster: a drain is done when every agent serves it, and whoever does not is named. */
import { expect, test } from 'vitest';
import type { SyncStatus, SyncSubject } from '../../src/agent/contract/sync-status.ts';
import type { StoryOptions } from '../../src/sim/scenarios/story.ts';
import { makeLargeMeta, makeService } from '../../src/sim/workload/definitions.ts';
import { startStory } from './start-story.ts';

const WEB: SyncSubject = { kind: 'instance', id: 'web-1' };

function asking(names: string, options: Partial<StoryOptions> = {}) {
  const story = startStory(names, { seed: 61, detail: 'facts', ...options });
  story.register('ann', 'web-1');
  const isSerf = (at: string): boolean => options.hosts?.[at]?.serfPeer === true;
  const isKnown = (at: string): boolean => isSerf(at) || story.passing(at, 'web').length === 1;
  expect(story.runUntil(() => story.everywhere(isKnown), '5s')).toBe(true);
  const open = (by: string, subject: SyncSubject, wait: number): (() => SyncStatus) => {
    const reply = story.runCommand(by, { kind: 'openSync', subject, wait });
    if (!reply.ok) throw reply.error;
    const { id } = reply.value as SyncStatus;
    return () => story.world.host(by).runningAgent.view.syncStatus(id) as SyncStatus;
  };
  const isAnswered = (at: string): boolean => story.passing(at, 'web').length > 0;
  return { story, open, isAnswered };
}

test('a drain is done when no agent answers with the instance any more, within half a second', () => {
  const { story, open, isAnswered } = asking('ann bob cat dan eve');
  story.drain('ann', 'web-1');
  const status = open('ann', WEB, 10_000);
  const startedAt = story.world.now;
  expect(story.runUntil(() => status().finished, '10s')).toBe(true);
  expect(status()).toMatchObject({ done: true, missing: [], sentence: '5 of 5 know' });
  expect(story.everywhere((at) => !isAnswered(at))).toBe(true);
  expect(story.world.now - startedAt).toBeLessThan(500);
});

test('a drain that fits into no packet is done when all agents have fetched it', () => {
  const { story, open, isAnswered } = asking('ann bob cat dan eve');
  const meta = makeLargeMeta('all of it', 15_000);
  story.register('ann', makeService('web-1', { meta }), []);
  story.run('5s');
  story.drain('ann', 'web-1');
  const status = open('ann', WEB, 10_000);
  expect(story.runUntil(() => status().finished, '10s')).toBe(true);
  expect(status()).toMatchObject({ done: true, missing: [] });
  expect(story.everywhere((at) => !isAnswered(at))).toBe(true);
});

test('an agent that is suspended is named with its age, and knows when it goes on', () => {
  const { story, open } = asking('ann bob eve');
  story.pause('eve');
  story.run('12s');
  story.drain('ann', 'web-1');
  const status = open('ann', WEB, 2000);
  expect(story.runUntil(() => status().finished, '10s')).toBe(true);
  expect(status()).toMatchObject({ done: false, known: ['ann', 'bob'] });
  expect(status().sentence).toMatch(/^2 of 3 know; eve has not spoken for [89]\.\d s$/);

  const again = open('ann', WEB, 60_000);
  story.run('1s');
  story.resume('eve');
  expect(story.runUntil(() => again().finished, '60s')).toBe(true);
  expect(again().done).toBe(true);
  expect(story.passing('eve', 'web')).toEqual([]);
});

test('agents of Serf are named and not missed, and get no question', () => {
  const { story, open } = asking('ann bob cat', { hosts: { cat: { serfPeer: true } } });
  story.drain('ann', 'web-1');
  const status = open('ann', WEB, 5000);
  expect(story.runUntil(() => status().finished, '5s')).toBe(true);
  expect(status()).toMatchObject({
    done: true,
    sentence: '2 of 2 know; cat is an agent of Serf and does not take part',
  });
  expect(story.facts('queryRefused')).toEqual([]);
});

test('one that failed more than a minute ago does not hold it up', () => {
  const { story, open } = asking('ann cat');
  story.stop('cat');
  story.run('75s');
  story.drain('ann', 'web-1');
  const status = open('ann', WEB, 5000);
  expect(story.runUntil(() => status().finished, '5s')).toBe(true);
  expect(status().sentence).toMatch(/^1 of 1 knows; cat failed \d+ s ago and was not asked$/);
});

test('any agent may ask about a service or a node, and an instance that was removed still has a status', () => {
  const { story, open, isAnswered } = asking('ann bob cat');
  for (const subject of [
    { kind: 'service', service: 'web' },
    { kind: 'node', node: 'ann' },
  ] as const) {
    const status = open('bob', subject, 5000);
    expect(story.runUntil(() => status().finished, '5s')).toBe(true);
    expect(status().sentence).toBe('3 of 3 know');
  }
  story.deregister('ann', 'web-1');
  const status = open('ann', WEB, 5000);
  expect(story.runUntil(() => status().finished, '5s')).toBe(true);
  expect([status().done, story.everywhere((at) => !isAnswered(at))]).toEqual([true, true]);
  expect(() => open('bob', { kind: 'service', service: 'nobody' }, 5000)).toThrow('no service is called');
});

test('lost datagrams are sent again, and two statuses share their questions', () => {
  const { story, open } = asking('ann bob cat', { linkQuality: { loss: 0.3 } });
  story.drain('ann', 'web-1');
  const statuses = Array.from({ length: 20 }, () => open('ann', WEB, 30_000));
  expect(story.runUntil(() => statuses.every((status) => status().finished), '30s')).toBe(true);
  expect(statuses.every((status) => status().done)).toBe(true);
});
