/** What is registered while an engine is away, lies, or tells things too early, too late or not at all, in virtual time. */
import { describe, expect, test } from 'vitest';
import { parseInspected } from '../../../../src/register/containers/container.ts';
import { ENDED_GRACE } from '../../../../src/register/containers/end-timers.ts';
import { CRITICAL_AFTER, MARK_AFTER } from '../../../../src/register/containers/tracker.ts';
import { ended, idOf, Scene } from './scene.ts';
import { inspection } from './values.ts';

describe('an engine', () => {
  test('that is away: all stays, is marked, then critical; when it is back, all is as it is now', () => {
    const scene = new Scene();
    scene.add(1);
    const second = scene.add(2);
    scene.list();
    scene.tracker.onAway(scene.now);
    scene.advance(MARK_AFTER - 1);
    expect(scene.output()).toBe('its container c1 on b is running');
    scene.advance(1);
    expect(scene.output()).toMatch(
      /^its container c1 on b is running \(as it stood when .* stopped answering\)$/,
    );
    expect(scene.services()).toEqual(['1 passing', '2 passing']);
    scene.advance(CRITICAL_AFTER - MARK_AFTER);
    expect(scene.services()).toEqual(['1 critical', '2 critical']);
    scene.set(second, ended(137));
    scene.advance(ENDED_GRACE * 10);
    scene.list();
    expect(scene.services()).toEqual(['1 passing', '2 critical']);
    scene.advance(ENDED_GRACE);
    expect(scene.services()).toEqual(['1 passing']);
  });

  test('that told no end is asked for it: what is not in the list has ended', () => {
    const scene = new Scene();
    const id = scene.add(1);
    scene.list();
    scene.set(id, ended(137, true));
    scene.list();
    expect(scene.output()).toBe('its container c1 on b was killed for memory (137)');
  });

  test('that leaves a running container out of its list is believed about the container itself', () => {
    const scene = new Scene();
    const id = scene.add(1);
    scene.list();
    scene.tracker.onList([], []);
    scene.work();
    expect(scene.services()).toEqual(['1 passing']);
    scene.engine.delete(id);
    scene.list();
    expect(scene.output()).toBe('its container c1 on b was removed');
  });

  test('that shows a change only a moment after it has told of it is asked again', () => {
    const scene = new Scene();
    scene.list();
    const id = scene.add(1, { state: { Status: 'created' } });
    scene.event(id, 'start');
    scene.set(id, { state: {} });
    scene.advance(300);
    expect(scene.services()).toEqual(['1 passing']);
    scene.event(id, 'pause');
    scene.set(id, { state: { Status: 'paused' } });
    scene.advance(300);
    expect(scene.services()).toEqual(['1 critical']);
  });

  test('a change back to what the last list said is found by the next one, also without an event', () => {
    const scene = new Scene();
    const id = scene.add(1, { state: { Status: 'paused' } });
    scene.list();
    scene.set(id, { state: {} });
    scene.event(id, 'unpause');
    scene.set(id, { state: { Status: 'paused' } });
    scene.list();
    expect(scene.services()).toEqual(['1 critical']);
  });

  test('a container that is neither listed nor can be inspected is gone', () => {
    const scene = new Scene();
    const id = scene.add(1);
    scene.list();
    const fail = (): void => {
      for (const one of scene.tracker.takeInspections(10))
        scene.tracker.onInspectionFailed(one, 'no', scene.now);
      scene.work();
    };
    scene.tracker.onEvent({ id, action: 'update', exitCode: undefined }, scene.now);
    fail();
    expect(scene.services()).toEqual(['1 passing']);
    scene.tracker.onList([], []);
    fail();
    expect(scene.output()).toBe('its container c1 on b was removed');
  });

  test('an answer from before an event does not undo it', () => {
    const scene = new Scene();
    const id = scene.add(1);
    scene.list();
    scene.tracker.onEvent({ id, action: 'rename', exitCode: undefined }, scene.now);
    const [asked] = scene.tracker.takeInspections(1);
    const before = parseInspected(JSON.stringify(inspection(scene.engine.get(id) ?? {})), id);
    scene.set(id, { state: { Status: 'paused' } });
    scene.event(id, 'pause');
    if (asked !== undefined) scene.tracker.onInspected(asked, before, scene.now);
    scene.work();
    expect(scene.services()).toEqual(['1 critical']);
  });

  test('events of containers that are not ours ask for nothing', () => {
    const scene = new Scene();
    scene.list();
    for (const action of ['die', 'health_status: healthy', 'destroy'])
      scene.tracker.onEvent({ id: idOf(5), action, exitCode: undefined }, scene.now);
    expect(scene.tracker.takeInspections(10)).toEqual([]);
  });
});
