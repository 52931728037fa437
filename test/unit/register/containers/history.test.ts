/** Any history of an engine ends in a registry that is as the engine is. */
import { fc, test as property } from '@fast-check/vitest';
import { expect } from 'vitest';
import { ENDED_GRACE } from '../../../../src/register/containers/end-timers.ts';
import { ended, idOf, Scene } from './scene.ts';
import type { ContainerDraft } from './values.ts';

/** What may happen to a container that exists, with the event that tells it. */
const CHANGES: Readonly<Record<string, readonly [change: ContainerDraft | undefined, event: string]>> = {
  die: [ended(137), 'die'],
  remove: [undefined, 'destroy'],
  restart: [{ state: {} }, 'start'],
  pause: [{ state: { Status: 'paused' } }, 'pause'],
  relabel: [{ labels: {} }, 'update'],
  sicken: [{ state: { Status: 'running', Health: { Status: 'unhealthy' } } }, 'health_status: unhealthy'],
};

const step = fc.record({
  kind: fc.constantFrom('start', 'start', ...Object.keys(CHANGES), 'list', 'away', 'agent', 'time'),
  container: fc.integer({ min: 1, max: 3 }),
  isTold: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function take(scene: Scene, { kind, container, isTold }: Step): void {
  const id = idOf(container);
  const tell = (action: string): void => {
    if (isTold && !scene.tracker.isAway) scene.event(id, action, action === 'die' ? 137 : undefined);
  };
  if (kind === 'list') return scene.list();
  if (kind === 'away') return scene.tracker.onAway(scene.now);
  if (kind === 'agent') return scene.restartAgent();
  if (kind === 'time') return scene.advance(container * 15_000);
  const isThere = scene.engine.has(id);
  if (kind === 'start') {
    if (isThere) return;
    scene.add(container);
    return tell('start');
  }
  const [change, event = ''] = CHANGES[kind] ?? [];
  if (!isThere) return;
  if (change === undefined) scene.engine.delete(id);
  else scene.set(id, change);
  tell(event);
}

property.prop([fc.array(step, { minLength: 1, maxLength: 60, size: 'max' })], { numRuns: 400 })(
  'after any history the next list leaves no ghost, and none is missing',
  (steps) => {
    const scene = new Scene();
    for (const one of steps) take(scene, one);
    scene.list();
    scene.advance(ENDED_GRACE);
    const expected = [...scene.engine].flatMap(([id, { state, labels }]) => {
      const status = state?.['Status'] ?? 'running';
      if (status === 'exited' || labels?.['hearsay.name'] === undefined) return [];
      const isFine = status === 'running' && state?.['Health'] === undefined;
      return [`${id.slice(0, 12).replace(/^0+/, '')} ${isFine ? 'passing' : 'critical'}`];
    });
    expect(scene.services().sort()).toEqual(expected.sort());
  },
);
