import { expect, test } from 'vitest';
import { createRng } from '../../src/base/rng.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { startStory, withStatus } from './start-story.ts';

test('conformance: random octets from an outsider crash nobody, change nothing and are not gossiped', () => {
  const { world, run, statusByObserver, facts } = startStory('ann bob cat dan', { seed: 1, detail: 'facts' });
  const rng = createRng(99);
  const outsider = world.newAddress();

  for (let i = 0; i < 3000; i++) {
    const bytes = Uint8Array.from({ length: rng.int(200) }, () => rng.int(256));
    // Half of them begin with a message type that exists.
    if (bytes.length > 0 && rng.int(2) === 0) bytes[0] = rng.int(14);
    world.injectDatagram('ann', outsider, bytes);
    if (i % 100 === 0) run('100ms');
  }
  run('30s');

  expect(facts('packetRejected').length).toBeGreaterThan(1000);
  expect(facts('packetRejected').length).toBe(facts('packetRejected', 'ann').length);
  expect(statusByObserver('ann')).toEqual(withStatus('bob cat dan', 'alive'));
  expect(disagreements(world)).toEqual([]);
});
