import { expect, test } from 'vitest';
import type { MemberView } from '../../src/agent/contract/view.ts';
import { startStory } from './start-story.ts';

/** Tags as the owner set them, without the capability tag that agents add. */
const set = (member: MemberView | undefined): Record<string, string> => {
  const { hearsay: _, ...tags } = Object.fromEntries(member?.tags ?? []);
  return tags;
};

test('changed tags are soon visible everywhere', () => {
  const { setTags, runUntil, member } = startStory('ann bob cat dan', {
    seed: 1,
    hosts: { bob: { tags: { role: 'web', zone: 'a' } } },
  });
  expect(set(member('ann', 'bob'))).toEqual({ role: 'web', zone: 'a' });

  setTags('bob', { role: 'db' }, ['zone']);

  const seen = (observer: string) => set(member(observer, 'bob'));
  const others = ['ann', 'cat', 'dan'];
  expect(runUntil(() => others.every((name) => seen(name)['role'] === 'db'), '3s')).toBe(true);
  for (const name of others) expect(seen(name)).toEqual({ role: 'db' });
});

test('the last of many quick changes is the one that stays', () => {
  const { setTags, run, member } = startStory('ann bob cat dan', {
    seed: 2,
    linkQuality: { loss: 0.2, reorder: 0.3 },
  });

  for (let i = 0; i < 20; i++) setTags('bob', { round: `${i}` });
  run('60s');

  for (const name of ['ann', 'cat', 'dan']) expect(member(name, 'bob')?.tags.get('round')).toBe('19');
});

test('tags too large for a packet are refused, and nothing changes', () => {
  const { setTags, run, member } = startStory('ann bob', { seed: 3 });

  expect(setTags('bob', { big: 'x'.repeat(600) })).toMatchObject({ ok: false });
  run('5s');

  expect(set(member('ann', 'bob'))).toEqual({});
  expect(member('ann', 'bob')?.incarnation).toBe(1);
});

test('an agent that leaves refuses new tags, which nobody would hear of', () => {
  const { leave, runUntil, setTags, world } = startStory('ann bob', { seed: 4 });
  leave('bob');
  expect(runUntil(() => world.host('bob').runningAgent.view.self().state === 'left', '10s')).toBe(true);
  expect(setTags('bob', { role: 'db' })).toMatchObject({ ok: false, error: { code: 'conflict' } });
});
