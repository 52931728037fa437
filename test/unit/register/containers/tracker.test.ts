/** What is registered while an engine lists, tells, restarts, is away and lies, in virtual time. */
import { describe, expect, test } from 'vitest';
import {
  ENDED_GRACE,
  ENDED_ORDERLY_GRACE,
  KILL_REASON_WAIT,
} from '../../../../src/register/containers/end-timers.ts';
import { CRITICAL_AFTER } from '../../../../src/register/containers/tracker.ts';
import { ended, Scene } from './scene.ts';
import type { ContainerDraft } from './values.ts';

describe('a container', () => {
  test('is registered from the list, and from an event', () => {
    const scene = new Scene();
    scene.add(1);
    scene.list();
    const second = scene.add(2);
    scene.event(second, 'start');
    expect(scene.services()).toEqual(['1 passing', '2 passing']);
    expect(scene.output()).toBe('its container c1 on b is running');
  });

  test('without a label is left alone, and is not inspected', () => {
    const scene = new Scene();
    scene.add(1, { labels: { other: '1' } });
    scene.list();
    expect(scene.services()).toEqual([]);
    expect(scene.tracker.size).toBe(0);
  });

  test('is registered as it is from the first moment: nobody sees it critical', () => {
    const scene = new Scene();
    scene.add(1);
    scene.list();
    const [first] = scene.agent.commands;
    expect(first).toMatchObject({ kind: 'registerService', checks: [{ initial: 'passing' }] });
  });

  test.each<[string, number | undefined, ContainerDraft, string, number]>([
    [
      'killed for memory',
      137,
      ended(137, true),
      'its container c1 on b was killed for memory (137)',
      ENDED_GRACE,
    ],
    ['killed', 137, ended(137), 'its container c1 on b was killed (137)', ENDED_GRACE],
    ['failed', 3, ended(3), 'its container c1 on b failed (3)', ENDED_GRACE],
    [
      'a segmentation fault',
      139,
      ended(139),
      'its container c1 on b was ended by a segmentation fault (139)',
      ENDED_GRACE,
    ],
    ['stopped', 143, ended(143), 'its container c1 on b was stopped (143)', ENDED_ORDERLY_GRACE],
    ['ended', 0, ended(0), 'its container c1 on b ended (0)', ENDED_ORDERLY_GRACE],
  ])('%s: critical at once with the reason, and gone after a while', (_, exitCode, change, words, grace) => {
    const scene = new Scene();
    const id = scene.add(1);
    scene.list();
    scene.set(id, change);
    scene.event(id, 'die', exitCode);
    expect([scene.services(), scene.output()]).toEqual([['1 critical'], words]);
    scene.advance(grace - 1);
    expect(scene.services()).toEqual(['1 critical']);
    scene.advance(1);
    expect(scene.services()).toEqual([]);
  });

  test('that was killed is critical without the reason if no inspection tells it soon', () => {
    const scene = new Scene();
    const id = scene.add(1);
    scene.list();
    scene.tracker.onEvent({ id, action: 'die', exitCode: 137 }, scene.now);
    scene.tracker.takeInspections(1); // never answered
    expect(scene.tracker.deadline).toBe(scene.now + KILL_REASON_WAIT);
    scene.advance(KILL_REASON_WAIT);
    expect(scene.output()).toBe('its container c1 on b was killed (137)');
  });

  test.each([1, 137])('that ended with %i and is still inspected as running is asked again', (exitCode) => {
    const scene = new Scene();
    const id = scene.add(1);
    scene.list();
    scene.event(id, 'die', exitCode);
    scene.advance(KILL_REASON_WAIT);
    expect(scene.services()).toEqual(['1 critical']);
    scene.set(id, ended(exitCode));
    scene.advance(300);
    expect(scene.services()).toEqual(['1 critical']);
    scene.advance(ENDED_GRACE);
    expect(scene.services()).toEqual([]);
  });

  test('whose end was told wrongly passes again after a second', () => {
    const scene = new Scene();
    const id = scene.add(1);
    scene.list();
    scene.event(id, 'die', 1);
    for (let i = 0; i < 4; i++) scene.advance(300);
    expect(scene.services()).toEqual(['1 passing']);
  });

  test('that starts again in time passes again, and stays', () => {
    const scene = new Scene();
    const id = scene.add(1);
    scene.list();
    scene.set(id, ended(1));
    scene.event(id, 'die', 1);
    scene.set(id, { state: {} });
    scene.event(id, 'start');
    expect(scene.services()).toEqual(['1 passing']);
    scene.advance(ENDED_GRACE * 2);
    expect(scene.services()).toEqual(['1 passing']);
  });

  test('shows its HEALTHCHECK with its output', () => {
    const scene = new Scene();
    const health = (Status: string, Output: string): ContainerDraft => ({
      state: { Status: 'running', Health: { Status, Log: [{ Output: 'old' }, { Output }] } },
    });
    const id = scene.add(1, health('starting', ''));
    scene.list();
    expect([scene.services(), scene.output()]).toEqual([
      ['1 critical'],
      'the HEALTHCHECK of container c1 on b has not passed yet',
    ]);
    scene.set(id, health('healthy', 'fine\n'));
    scene.event(id, 'health_status: healthy');
    expect([scene.services(), scene.output()]).toEqual([
      ['1 passing'],
      'the HEALTHCHECK of container c1 on b passes: fine',
    ]);
    scene.set(id, health('unhealthy', 'no database'));
    scene.event(id, 'health_status: unhealthy');
    expect(scene.output()).toBe('the HEALTHCHECK of container c1 on b fails: no database');
  });

  test('with a HEALTHCHECK is inspected with each list: Podman does not list its health', () => {
    const scene = new Scene();
    const health = (Status: string): ContainerDraft => ({ state: { Status: 'running', Health: { Status } } });
    const id = scene.add(1, health('healthy'));
    scene.list();
    scene.set(id, health('unhealthy'));
    scene.list();
    expect(scene.services()).toEqual(['1 critical']);
  });

  test('that is refused is told once, and nothing of it is registered until it is mended', () => {
    const scene = new Scene();
    const id = scene.add(1, { labels: { 'hearsay.nmae': 'web', 'hearsay.enable': 'true' } });
    scene.list();
    scene.list();
    expect(scene.services()).toEqual([]);
    expect(scene.refusals).toHaveLength(1);
    expect([...scene.tracker.refused()]).toMatchObject([{ container: 'c1' }]);
    scene.set(id, { labels: { 'hearsay.name': 'web' } });
    scene.event(id, 'start');
    expect(scene.services()).toEqual(['1 passing']);
    expect([...scene.tracker.refused()]).toEqual([]);
  });

  test('that lost a label on its way through a new container is deregistered', () => {
    const scene = new Scene();
    const id = scene.add(1);
    scene.list();
    scene.set(id, { labels: {} });
    scene.event(id, 'update');
    expect(scene.services()).toEqual([]);
  });

  test('whose service is deregistered by somebody else is registered again by the next list', () => {
    const scene = new Scene();
    scene.add(1);
    scene.list();
    scene.agent.execute({ kind: 'deregisterService', id: [...scene.agent.services().keys()][0] ?? '' });
    scene.list();
    expect(scene.services()).toEqual(['1 passing']);
  });
});

describe('what others have registered', () => {
  test('stays, also if its ID looks like one of ours', () => {
    const scene = new Scene();
    const service = (id: string) => {
      scene.add(1);
      scene.list();
      const { definition } = [...scene.agent.registry.view.services().values()][0] ?? {};
      if (definition === undefined) throw new Error('nothing is registered');
      scene.agent.execute({
        kind: 'registerService',
        service: { ...definition, id, meta: new Map() },
        checks: [],
        replaceChecks: true,
      });
    };
    service('container:abcdef012345:web');
    scene.engine.clear();
    scene.list();
    scene.advance(ENDED_GRACE);
    expect([...scene.agent.services().keys()]).toEqual(['container:abcdef012345:web']);
  });

  test('a check that was added to a service of a container stays when the container changes', () => {
    const scene = new Scene();
    const id = scene.add(1, { labels: { 'hearsay.name': 'web', 'hearsay.check.tcp': 'true' } });
    scene.list();
    const [serviceId = ''] = scene.agent.services().keys();
    const state = scene.agent.registry.view.checks().get(`${serviceId}:state`)?.definition;
    if (state === undefined) throw new Error('there is no state');
    scene.agent.registry.registerCheck({ ...state, id: 'mine' }, scene.now, []);
    scene.set(id, { ports: { '80/tcp': [['0.0.0.0', 9999]] }, labels: { 'hearsay.name': 'web' } });
    scene.event(id, 'start');
    expect([...scene.agent.registry.view.checks().keys()].sort()).toEqual(
      [`${serviceId}:state`, 'mine'].sort(),
    );
  });
});

describe('a restart of the agent', () => {
  test('what is restored stays until the list: what is not in it goes, with its reason', () => {
    const scene = new Scene();
    scene.add(1);
    const second = scene.add(2);
    const third = scene.add(3);
    scene.list();
    scene.set(second, ended(137, true));
    scene.engine.delete(third);
    scene.restartAgent();
    scene.work();
    expect(scene.services()).toEqual(['1 passing', '2 passing', '3 passing']);
    scene.list();
    expect(scene.services()).toEqual(['1 passing', '2 critical', '3 critical']);
    const outputs = [...scene.agent.services().values()].map(({ output }) => output);
    expect(outputs[1]).toBe('its container on b was killed for memory (137)');
    scene.advance(ENDED_GRACE);
    expect(scene.services()).toEqual(['1 passing']);
  });

  test('without an engine what is restored is critical after a minute', () => {
    const scene = new Scene();
    scene.add(1);
    scene.list();
    scene.restartAgent();
    scene.advance(CRITICAL_AFTER);
    expect(scene.services()).toEqual(['1 critical']);
  });
});

test('the state of a container that does not change does not expire while the engine is listed', () => {
  const scene = new Scene();
  scene.add(1);
  scene.list();
  for (let minute = 0; minute < 30; minute++) {
    scene.advance(60_000);
    scene.agent.registry.tick(scene.now, []);
    scene.list();
    expect(scene.services()).toEqual(['1 passing']);
  }
});
