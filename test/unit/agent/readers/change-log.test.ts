import { describe, expect, test } from 'vitest';
import { ChangeLog } from '../../../../src/agent/readers/change-log.ts';
import { createStory } from '../../../../src/sim/scenarios/story.ts';
import { makeService } from '../../../../src/sim/workload/definitions.ts';

const names = (changes: ChangeLog, after: number, now: number) =>
  changes.after(after, now)?.map(({ kind, name }) => `${kind} ${name}`);

describe('the change log', () => {
  test('has each name once, the latest change last', () => {
    const changes = new ChangeLog(100);
    changes.append('member', 'a', 101);
    changes.append('service', 'a', 101);
    changes.append('member', 'b', 102);
    changes.append('member', 'a', 103);
    expect(names(changes, 100, 103)).toEqual(['service a', 'member b', 'member a']);
    expect(names(changes, 102, 103)).toEqual(['member a']);
    expect(names(changes, 103, 103)).toEqual([]);
  });

  test('returns undefined for an index whose later changes are not all known', () => {
    const changes = new ChangeLog(100);
    expect(changes.after(99, 100)).toBeUndefined();
    expect(changes.after(101, 100)).toBeUndefined();
    for (let i = 1; i <= 20_000; i++) changes.append('member', `m${i % 7}`, 100 + i);
    expect(changes.after(101, 20_100)).toBeUndefined();
    expect(changes.after(20_100 - 4096, 20_100)).toHaveLength(7);
  });
});

test('an agent lists what changed after an index: members, also if they are only suspected, and services', () => {
  const { world, register, cut, run } = createStory('ann bob cat', { seed: 3 });
  const { view } = world.host('ann').runningAgent;
  const before = view.indexOf(['anything']);
  expect(view.changesAfter(before)).toEqual([]);

  register('bob', makeService('Web-1', { name: 'Web' }));
  run('3s');
  expect(view.changesAfter(before)).toMatchObject([{ kind: 'service', name: 'web' }]);

  const between = view.indexOf(['anything']);
  cut('cat', '*');
  run('4s');
  expect(view.member('cat')?.status).toBe('suspect');
  expect(view.changesAfter(between)).toMatchObject([{ kind: 'member', name: 'cat' }]);
});
