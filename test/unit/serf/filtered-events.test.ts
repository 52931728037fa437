import { describe, expect, test } from 'vitest';
import { evaluateEventFilter } from '../../../src/agent/operations/event-filters.ts';
import { AgentError } from '../../../src/base/errors.ts';
import type { LocalService, LocalView } from '../../../src/checks/types.ts';
import { UserEventBuffer } from '../../../src/serf/events.ts';
import type { SerfEffect } from '../../../src/serf/types.ts';
import { makeService } from '../../../src/sim/workload/definitions.ts';
import { type EventFilter, FILTERED_EVENT_PREFIX } from '../../../src/wire/event-filter.ts';
import { decodeSerf } from '../../../src/wire/serf.ts';

const payload = Uint8Array.of(1, 2);
const filterOf = (filter: Partial<EventFilter>): EventFilter => ({
  ...{ node: '', service: '', tag: '' },
  ...filter,
});

/** The registry of an agent with these services, given as `name` or `name tag tag`. */
function localWith(...services: readonly string[]): LocalView {
  const held = services.map((text): [string, LocalService] => {
    const [name = '', ...tags] = text.split(' ');
    return [name, { definition: makeService(name, { tags }), fromFile: false, draining: false }];
  });
  return { services: () => new Map(held), checks: () => new Map(), leases: () => new Map() };
}

describe('P77 the filters of an event', () => {
  test.each<[filter: Partial<EventFilter>, matches: boolean]>([
    [{ node: 'ann' }, true],
    [{ node: '^a' }, true],
    [{ node: 'an$' }, false],
    [{ node: 'ANN' }, false],
    [{ service: 'web' }, true],
    [{ service: '^we' }, true],
    [{ service: 'db' }, false],
    [{ service: 'web', tag: 'v1' }, true],
    [{ service: 'web', tag: '^v' }, true],
    [{ service: 'web', tag: 'blue' }, false], // it is a tag of another service
    [{ service: '.', tag: 'blue' }, true],
    [{ node: 'bob', service: 'web' }, false],
    [{ node: 'ann', service: 'web', tag: 'v1' }, true],
  ])('P77 %j is for ann with web (v1) and api (blue): %s', (filter, matches) => {
    const local = localWith('web v1', 'api blue');
    expect(evaluateEventFilter(filterOf(filter), 'ann', local)).toEqual({ matches });
  });

  test('P77 what cannot be evaluated matches nobody, and has a reason', () => {
    const local = localWith('web');
    expect(evaluateEventFilter(filterOf({ node: '(' }), 'ann', local)).toEqual({
      matches: false,
      error: 'an unsupported expression',
    });
    const many = localWith(...Array.from({ length: 3000 }, (_, i) => `${'a'.repeat(60)}${i}`));
    expect(evaluateEventFilter(filterOf({ service: '(a*)*b' }), 'ann', many)).toEqual({
      matches: false,
      error: 'filters that take too long',
    });
  });
});

describe('P77 an event for some agents', () => {
  const fired = { name: 'deploy', payload, coalesce: false, filter: filterOf({ node: 'bob' }) };
  const bufferOf = (node: string): UserEventBuffer =>
    new UserEventBuffer(512, (filter) => evaluateEventFilter(filter, node, localWith()));
  /** The message of the event, as it is broadcast. */
  function fire(): Uint8Array {
    return bufferOf('ann').fire(fired, 512, []).body;
  }
  function receive(buffer: UserEventBuffer, body: Uint8Array) {
    const out: SerfEffect[] = [];
    const message = decodeSerf(body);
    if (message.kind !== 'userEvent') throw new Error(`a ${message.kind}`);
    const { ltime, name, payload, cc } = message;
    return { isBroadcast: buffer.handleUserEvent({ ltime, name, payload, coalesce: cc }, out), out };
  }

  test('P77 is delivered with its own name where it matches, and passed on by all', () => {
    const [bob, cat] = [bufferOf('bob'), bufferOf('cat')];
    expect([receive(bob, fire()).isBroadcast, receive(cat, fire()).isBroadcast]).toEqual([true, true]);
    expect(bob.recent).toEqual([{ ltime: 1, ...fired }]);
    expect(cat.recent).toEqual([]);
    expect(receive(bob, fire()).isBroadcast).toBe(false); // a duplicate
    expect(cat.buckets()).toHaveLength(1); // its push/pulls have it, too
  });

  test('P77 is returned to its sender, whom it may not concern', () => {
    const ann = bufferOf('ann');
    const out: SerfEffect[] = [];
    expect(ann.fire(fired, 512, out).event).toMatchObject({
      ltime: 1,
      name: 'deploy',
      filter: { node: 'bob' },
    });
    expect([ann.recent, out]).toEqual([[], []]);
    expect(ann.fire({ ...fired, filter: filterOf({ node: 'ann' }) }, 512, out).event).toBe(ann.recent[0]);
    expect(out).toMatchObject([{ kind: 'userEvent', event: { name: 'deploy' } }]);
  });

  test('P77 is one of another name for agents of Serf, whose handlers for the event do not run', () => {
    const serf = new UserEventBuffer(512);
    receive(serf, fire());
    expect(serf.recent.map(({ name }) => name)).toEqual([`${FILTERED_EVENT_PREFIX}deploy`]);
  });

  test('P77 its filters count for its size, and its name is no other event', () => {
    const ann = bufferOf('ann');
    const large = { ...fired, payload: new Uint8Array(400) };
    expect(ann.fire(large, 512, []).event.ltime).toBe(1);
    const filter = filterOf({ node: 'x'.repeat(200) });
    expect(() => ann.fire({ ...large, filter }, 512, [])).toThrow(AgentError);
    expect(() => ann.fire({ ...fired, name: `${FILTERED_EVENT_PREFIX}x` }, 512, [])).toThrow(AgentError);
  });

  test.each([
    ['no payload', `${FILTERED_EVENT_PREFIX}x`, new Uint8Array(0)],
    ['another format', `${FILTERED_EVENT_PREFIX}x`, Uint8Array.of(9, 0x80)],
    ['no map', `${FILTERED_EVENT_PREFIX}x`, Uint8Array.of(1, 0xc1)],
    ['no name', FILTERED_EVENT_PREFIX, Uint8Array.of(1, 0x80)],
  ])('P77 with %s is counted, and not delivered', (_, name, bytes) => {
    const bob = bufferOf('bob');
    const out: SerfEffect[] = [];
    expect(bob.handleUserEvent({ ltime: 3, name, payload: bytes, coalesce: false }, out)).toBe(true);
    expect(bob.recent).toEqual([]);
    expect(out).toMatchObject([{ kind: 'fact', fact: { kind: 'eventRefused', name } }]);
  });
});
