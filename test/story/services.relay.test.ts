import { expect, test } from 'vitest';
import { makeLargeMeta, makeService } from '../../src/sim/workload/definitions.ts';
import { startStory } from './start-story.ts';

test('changes of a service reach a member that cannot receive from its owner: others gossip them on', () => {
  const { cut, register, passing, run } = startStory('ann bob cat dan', { seed: 5 });
  cut('ann', 'cat');
  run('1s');

  register('ann', 'web-1');
  run('3s');

  expect(passing('cat', 'web')).toEqual(['web-1']);
});

test('B6: each change that readers see has a higher index than the one before', () => {
  const { world, register, run } = startStory('ann bob', { seed: 6 });
  const { view } = world.host('bob').runningAgent;
  const seen: number[] = [];
  for (const id of ['web-1', 'web-2', 'web-3']) {
    seen.push(view.indexOf(['service:web', 'services']));
    register('ann', id);
    run('3s');
  }
  seen.push(view.indexOf(['service:web', 'services']));

  expect(new Set(seen).size).toBe(4);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
});

test('an entry too large for any packet is known within three seconds too', () => {
  const { register, instance, run } = startStory('ann bob', { seed: 7 });
  const meta = makeLargeMeta('all of it', 15_000);

  register('ann', makeService('web-1', { meta }));
  run('3s');

  expect(instance('bob', 'web-1')?.service.meta).toEqual(meta);
});
