import { expect, test } from 'vitest';
import { listingDisagreements } from '../../../../../src/sim/laws/catalog/listings.ts';
import { createStory } from '../../../../../src/sim/scenarios/story.ts';

test('L8: an agent that does not list a failed node, or shows other services of it', () => {
  const story = createStory('ann bob cat', { seed: 1, all: { disk: false } });
  const { world } = story;
  story.register('cat', 'web-1');
  story.run('3s');
  story.stop('cat');
  story.run('60s');
  expect(listingDisagreements(world)).toEqual([]);

  story.addHost('dan', {}, { noJoin: true });
  expect(listingDisagreements(world)).toEqual([
    expect.stringMatching(/^dan lists cat as none, and ann as failed .*web-1/),
  ]);
  story.join('dan', 'ann');
  story.run('5s');
  expect(listingDisagreements(world)).toEqual([]);

  const { view } = world.host('bob').runningAgent;
  const { node } = view.catalog;
  view.catalog.node = (name) => (name === 'cat' ? undefined : node.call(view.catalog, name));
  expect(listingDisagreements(world)).toEqual([
    expect.stringMatching(/^bob lists cat as failed, and ann as failed .*web-1/),
  ]);
});
