import { expect, test } from 'vitest';
import { SavedState } from '../../../../src/agent/operations/saved-state.ts';
import { Actor, addressOf, suspect } from '../../swim/helpers.ts';

test('I3 a refutation is worth saving: a crash after it must not take the incarnation back', () => {
  const ann = new Actor('ann').knowing('bob');
  const services = { revision: 3, commandRevision: 2 };
  const members = { tagsRevision: 1 };
  const saved = new SavedState({ swim: ann.swim, services, members } as never, { startedAt: 0, now: 0 });
  const { revision, commandRevision } = saved;
  ann.receive(suspect('ann', 'bob', 1), addressOf('bob'));
  expect(ann.incarnationOf('ann')).toBe(2);
  expect(saved.revision).toBeGreaterThan(revision);
  expect(saved.commandRevision).toBe(commandRevision); // no command waits for it
});
