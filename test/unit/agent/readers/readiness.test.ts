import { expect, test } from 'vitest';
import { PATIENCE, ReadinessTracker } from '../../../../src/agent/readers/readiness.ts';

function waiting(restored: { value: boolean }) {
  const topics = new Set<string>();
  const options = { name: 'ann', hasSeeds: true, now: 0 };
  const sources = { hasPeer: () => true, hasRestored: () => restored.value, topics };
  return { topics, tracker: new ReadinessTracker(options, sources) };
}

test('what was restored is answered until the agent is ready, also when members have confirmed all of it', () => {
  const restored = { value: true };
  const { tracker } = waiting(restored);
  expect(tracker.current).toMatchObject({ ready: false, remembers: true });
  restored.value = false;
  expect(tracker.current).toMatchObject({ ready: false, remembers: true });
});

test('without anything restored there is nothing to answer from, until patience is over', () => {
  const { tracker, topics } = waiting({ value: false });
  expect(tracker.current).toMatchObject({ ready: false, remembers: false });
  expect(tracker.tick(PATIENCE - 1)).toBe(false);
  expect(tracker.tick(PATIENCE)).toBe(true);
  expect(tracker.current).toEqual({ ready: true });
  expect([...topics]).toEqual(['readiness']);
});
