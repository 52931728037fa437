/** N11: a host that dies is the last choice as soon as it is suspected, seconds before it is declared failed. */
import { expect, test } from 'vitest';
import { suspectsLast } from '../../src/agent/readers/suspects-last.ts';
import { startStory } from './start-story.ts';

test.each([1, 2, 3])(
  'whoever takes the first choice meets the dead host until it is suspected, not until it has failed (seed %d)',
  (seed) => {
    const { world, stop, run, runUntil, member } = startStory('ann bob cat dan', { seed });
    run('3s');
    const { view } = world.host('ann').runningAgent;
    const choices = (): readonly string[] =>
      suspectsLast(['bob', 'cat', 'dan'], view.suspects(), (node) => node);
    expect(choices()).toEqual(['bob', 'cat', 'dan']);

    stop('bob', { powerOff: true });
    const stoppedAt = world.now;
    expect(runUntil(() => member('ann', 'bob')?.status === 'suspect')).toBe(true);
    const suspectedAfter = world.now - stoppedAt;
    while (member('ann', 'bob')?.status !== 'failed') {
      const suspected = view.members().filter(({ status }) => status === 'suspect');
      expect([...view.suspects()]).toEqual(suspected.map(({ name }) => name));
      if (member('ann', 'bob')?.status === 'suspect') expect(choices().at(-1)).toBe('bob');
      expect(view.suspects(), 'the same object until it changes').toBe(view.suspects());
      run('50ms');
    }
    expect(suspectedAfter).toBeLessThan((world.now - stoppedAt) / 2);
    expect(view.suspects().size).toBe(0);

    world.start('bob');
    run('1s');
    expect(choices()).toEqual(['bob', 'cat', 'dan']);
  },
);
