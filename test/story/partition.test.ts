import { expect, test } from 'vitest';
import { disagreements } from '../../src/sim/laws/index.ts';
import { startStory, withStatus } from './start-story.ts';

test('two halves see each other as failed, and meet again within 90 s', () => {
  const { world, partition, heal, run, runUntil, statusByObserver } = startStory('ann bob cat dan eve fay', {
    seed: 1,
  });
  partition(['ann', 'bob', 'cat'], ['dan', 'eve', 'fay']);
  run('60s');
  expect(statusByObserver('ann')).toEqual({
    ...withStatus('bob cat', 'alive'),
    ...withStatus('dan eve fay', 'failed'),
  });
  expect(statusByObserver('dan')).toEqual({
    ...withStatus('ann bob cat', 'failed'),
    ...withStatus('eve fay', 'alive'),
  });
  const began = world.now;

  heal();

  expect(runUntil(() => disagreements(world).length === 0, '90s')).toBe(true);
  expect(world.now - began).toBeLessThan(90_000);
  run('60s');
  expect(disagreements(world)).toEqual([]);
});

test.each([1])(
  'sixteen of thirty-two cut off: all know within 19 s, as among Serf agents (seed %i)',
  (seed) => {
    const labels = Array.from({ length: 32 }, (_, i) => `n${i}`);
    const { world, partition, run, runUntil, member } = startStory(labels.join(' '), {
      seed,
      detail: 'facts',
      bootstrapped: 'byPushPull',
    });
    run('20s');
    const halves = [labels.slice(0, 16), labels.slice(16)] as const;
    const began = world.now;
    partition(...halves);
    const hasLost = (observers: readonly string[], lost: readonly string[]): boolean =>
      observers.every((observer) => lost.every((name) => member(observer, name)?.status === 'failed'));
    expect(runUntil(() => hasLost(...halves) && hasLost(halves[1], halves[0]), '60s')).toBe(true);
    expect(world.now - began).toBeLessThan(19_000);
  },
);

test.each([1, 2, 3, 4])('while halves meet, nobody loses a member of its own half (seed %i)', (seed) => {
  const halves = ['ann bob cat', 'dan eve fay'].map((names) => names.split(' ')) as [string[], string[]];
  const { world, partition, heal, run, runUntil, facts, statusByObserver } = startStory(
    halves.flat().join(' '),
    { seed },
  );
  partition(...halves);
  const failed = (half: string[]): number =>
    half.flatMap((host) => Object.values(statusByObserver(host))).filter((status) => status === 'failed')
      .length;
  expect(runUntil(() => failed(halves.flat()) === 18, '60s')).toBe(true);
  const lost = (): string[] =>
    halves.flatMap((half) =>
      half.flatMap((host) =>
        facts('memberFailed', host).flatMap(({ node }) =>
          half.includes(node) ? [`${host} lost ${node}`] : [],
        ),
      ),
    );

  heal();
  run('60s');

  expect(lost()).toEqual([]);
  expect(disagreements(world)).toEqual([]);
});

test.each([1, 2])('after a long partition into three parts all agree within 90 s (seed %i)', (seed) => {
  const names = Array.from({ length: 15 }, (_, i) => `n${i}`);
  const { world, partition, heal, run, runUntil } = startStory(names.join(' '), { seed, detail: 'facts' });
  partition(names.slice(0, 8), names.slice(8, 12), names.slice(12));
  run('20m');

  heal();

  expect(runUntil(() => disagreements(world).length === 0, '90s')).toBe(true);
});

test('a short partition causes suspicions only', () => {
  const { world, partition, heal, run, facts } = startStory('ann bob cat dan eve', { seed: 3 });

  partition(['ann', 'bob'], ['cat', 'dan', 'eve']);
  run('2s');
  heal();
  run('30s');

  expect(facts('memberFailed')).toEqual([]);
  expect(disagreements(world)).toEqual([]);
});
