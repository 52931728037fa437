/** The list of one service: what it holds, how it tells of changes, and which instances it leaves out for a while. */
import { describe, expect, test } from 'vitest';
import type { InstancesChange } from '../../../src/client/discovered-service.ts';
import type { StreamedInstance } from '../../../src/client/instance.ts';
import { waitUntil } from '../../support/wait.ts';
import { row, serviceOf } from './rows.ts';

const ids = (instances: readonly { readonly id: string }[]): string[] => instances.map(({ id }) => id);

describe('a list', () => {
  test('is empty before the first answer, which `ready` waits for, and says so', async () => {
    const { service } = serviceOf(undefined);
    expect(service.all()).toEqual([]);
    expect(service.age).toBe(Infinity);
    expect(() => service.pick()).toThrow('the agent has not answered yet');
    let ready = false;
    void service.ready.then(() => {
      ready = true;
    });
    await Promise.resolve();
    expect(ready).toBe(false);
    service.update([], null);
    await service.ready;
    expect(() => service.pick()).toThrow(
      'no instance of "web" to connect to: none is registered: ask `hearsay services` for the names that are',
    );
    expect(service.age).toBe(0);
  });

  test('has what can be used, with all tags, in any case', () => {
    const rows = [
      row('a', { tags: ['V1', 'eu'] }),
      row('b', { tags: ['v1'] }),
      row('c', { tags: ['v1', 'eu'], status: 'critical' }),
      row('d', { tags: ['v1', 'eu'], status: 'warning' }),
      row('e', { tags: ['v1', 'eu'], status: 'maintenance' }),
    ];
    expect(ids(serviceOf(rows).service.all())).toEqual(['a', 'b', 'd']);
    expect(ids(serviceOf(rows, { tag: 'v1', tags: ['EU'] }).service.all())).toEqual(['a', 'd']);
    expect(ids(serviceOf(rows, { tag: 'v1', passing: true }).service.all())).toEqual(['a', 'b']);
    expect(() => serviceOf(rows, { tag: 'v2' }).service.pick()).toThrow('none of 5 can be used');
  });

  test('keeps its objects and what they count, and follows the agent', () => {
    const { service } = serviceOf([row('a'), row('b')]);
    const before = service.all();
    const [a] = before;
    a?.start();
    service.update([row('a', { rtt: 5 }), row('b')], null);
    expect(service.all()).toBe(before); // a distance is no change
    expect(a?.rtt).toBe(5);
    service.update([row('a', { port: 81 })], null);
    expect(service.all()).toEqual([a]);
    expect(a).toMatchObject({ port: 81, pending: 1 });
  });

  test("a zone that is given takes the place of the agent's own", () => {
    const rows = [row('a', { zone: 'x' }), row('b', { zone: 'y' })];
    const picks = (options: { zone?: string }, agentZone: string): string[] => {
      const { service } = serviceOf(undefined, options);
      service.update(rows, 'none');
      service.setZone(agentZone);
      return [...new Set(Array.from({ length: 100 }, () => service.pick().id))].sort();
    };
    expect(picks({}, 'x')).toEqual(['a']);
    expect(picks({ zone: 'y' }, 'x')).toEqual(['b']);
    expect(picks({ zone: '' }, 'x')).toEqual(['a', 'b']);
  });

  test('leaves a zone when it has lost its instances, and returns when they have stayed', () => {
    const rows = (status: StreamedInstance['status']): StreamedInstance[] => [
      ...[1, 2, 3].map((i) => row(`a${i}`, { zone: 'x', status })),
      row('b', { zone: 'y' }),
    ];
    const { service, source } = serviceOf(undefined);
    const zones = (): string[] =>
      [...new Set(Array.from({ length: 200 }, () => service.pick().zone ?? ''))].sort();
    service.update(rows('passing'), 'x');
    expect(zones()).toEqual(['x']);
    service.update(rows('critical'), 'x');
    expect(zones()).toEqual(['y']);
    source.clock = 5000;
    service.update(rows('passing'), 'x');
    expect(zones()).toEqual(['y']);
    source.clock = 35_000;
    expect(source.alarm?.at).toBe(35_000);
    source.alarm?.call();
    expect(zones()).toEqual(['x']);
    expect(source.alarm).toBeUndefined();
    service.update(rows('critical').slice(3), 'x'); // gone without a trace
    expect(zones()).toEqual(['y']);
    expect(source.alarm?.at).toBe(635_000);
    service.close();
    expect(source.alarm).toBeUndefined();
  });

  test('says how old it is while the agent is away', () => {
    const { service, source } = serviceOf([row('a')]);
    source.current = false;
    source.lastCurrentAt = 1000;
    source.clock = 61_000;
    expect(service.age).toBe(60_000);
    expect(service.pick().id).toBe('a');
  });
});

describe('a loop over changes', () => {
  test('begins with the present state; what comes while it is busy becomes one change; closing ends it', async () => {
    const { service } = serviceOf(undefined);
    const seen: InstancesChange[] = [];
    let busy: Promise<void> = Promise.resolve();
    const loop = (async () => {
      for await (const change of service) {
        seen.push(change);
        await busy;
      }
    })();
    await Promise.resolve();
    expect(seen).toEqual([]);
    service.update([], null);
    await waitUntil('the first state', 5000, () => seen.length === 1 || undefined);
    expect(seen[0]).toEqual({ instances: [], added: [], removed: [], updated: [] });

    let free = (): void => undefined;
    busy = new Promise((resolve) => {
      free = resolve;
    });
    service.update([row('a'), row('b')], null);
    await waitUntil('the second state', 5000, () => seen.length === 2 || undefined);
    service.update([row('a', { port: 81 }), row('b')], null);
    service.update([row('a', { port: 82 }), row('c')], null);
    free();
    await waitUntil('the third state', 5000, () => seen.length === 3 || undefined);
    expect([ids(seen[2]?.added ?? []), ids(seen[2]?.removed ?? []), ids(seen[2]?.updated ?? [])]).toEqual([
      ['c'],
      ['b'],
      ['a'],
    ]);
    service.update([row('a', { port: 82, rtt: 3 }), row('c')], null); // nothing that matters
    service.close();
    await loop;
    expect(seen.length).toBe(3);
  });
});

describe('an instance that fails', () => {
  const fail = (service: ReturnType<typeof serviceOf>['service'], id: string, times: number): void => {
    const one = service.all().find((each) => each.id === id);
    for (let i = 0; i < times; i++) {
      one?.start();
      one?.finish(true);
    }
  };

  test('five times in a row is left out until a probe reaches it; then one failure is enough', async () => {
    let isReachable = false;
    let probes = 0;
    const { service } = serviceOf([row('a'), row('b')], {}, async () => {
      probes += 1;
      return isReachable;
    });
    fail(service, 'a', 4);
    service.all()[0]?.finish(); // one that works in between
    fail(service, 'a', 4);
    expect(service.all()[0]?.ejected).toBe(false);
    fail(service, 'a', 1);
    expect(service.all()[0]?.ejected).toBe(true);
    expect(new Set(Array.from({ length: 100 }, () => service.pick().id))).toEqual(new Set(['b']));

    await waitUntil('it was probed in vain', 5000, () => probes >= 2 || undefined);
    expect(service.all()[0]?.ejected).toBe(true);
    isReachable = true;
    await waitUntil('it is back', 5000, () => service.all()[0]?.ejected === false || undefined);
    fail(service, 'a', 1);
    expect(service.all()[0]?.ejected).toBe(true);
    await waitUntil('it is back again', 5000, () => service.all()[0]?.ejected === false || undefined);
    service.all()[0]?.finish();
    fail(service, 'a', 4);
    expect(service.all()[0]?.ejected).toBe(false);
    service.close();
  });

  test('is not probed any more when it is gone, or the list is closed', async () => {
    let probes = 0;
    const { service } = serviceOf([row('a'), row('b')], {}, async () => {
      probes += 1;
      return false;
    });
    fail(service, 'a', 5);
    await waitUntil('a probe', 5000, () => probes > 0 || undefined);
    service.update([row('b')], null);
    fail(service, 'b', 5);
    service.close();
    const after = probes;
    await new Promise((resolve) => setTimeout(resolve, 50)); // many times the pause
    expect(probes).toBe(after);
  });
});
