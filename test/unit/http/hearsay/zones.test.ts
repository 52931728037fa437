/** Availability zones in what the agent itself says over HTTP: rows of the stream, `resolve` and `why`. */
import { expect, test } from 'vitest';
import { toServiceRows, toSnapshotMark } from '../../../../src/http/hearsay/service-rows.ts';
import { type ZonePlan, ZonePlanner } from '../../../../src/locality/zone-planner.ts';
import { instance, service } from '../data.ts';
import { FakeAgent, member, send, serve } from '../fixture.ts';

/** The plan for readers in zone a, whose first `usable` of three instances are well. */
function plan(usable: number): ZonePlan {
  const located = [0, 1, 2].map((i) => ({ zone: 'a', rtt: 0, usable: i < usable }));
  return new ZonePlanner(1, 30_000).update([...located, { zone: 'b', rtt: 5, usable: true }], 'a', 0);
}

function world(usable: number): FakeAgent {
  const zone = (name: string) => ({ tags: new Map([['zone', name]]) });
  const agent = new FakeAgent(
    member('ann', zone('a')),
    member('bob', zone('b')),
    ...['cat', 'dan'].map((name) => member(name, zone('a'))),
  );
  const weights = { passing: 4, warning: 1 };
  agent.catalog.held = ['bob', 'ann', 'cat', 'dan'].map((node) => {
    const isWell = node === 'bob' || ['ann', 'cat', 'dan'].indexOf(node) < usable;
    return instance(
      node,
      service('web', { id: node, port: 80, weights }),
      isWell ? {} : { status: 'critical' },
    );
  });
  agent.zonePlans.set('web', plan(usable));
  return agent;
}

const rowsOf = (agent: FakeAgent): string[] =>
  toServiceRows({ agent }, 'web').instances.map(
    ({ id, zone, priority, weight }) => `${id} in ${zone}: ${priority}/${weight}`,
  );

interface Resolved {
  readonly id: string;
  readonly zone: string | null;
  readonly priority: number;
  readonly weight: number;
}

const resolve = async (agent: FakeAgent): Promise<string[]> => {
  const answer = await send(await serve(agent), '/v1/hearsay/resolve/web');
  return (answer.json() as Resolved[]).map(
    ({ id, zone, priority, weight }) => `${id} in ${zone}: ${priority}/${weight}`,
  );
};

test('rows say what each instance gets from here', () => {
  expect(rowsOf(world(3)).sort()).toEqual([
    'ann in a: 1/4',
    'bob in b: 2/4',
    'cat in a: 1/4',
    'dan in a: 1/4',
  ]);
  expect(rowsOf(world(1)).sort()).toEqual([
    'ann in a: 1/500',
    'bob in b: 1/1000',
    'cat in a: 1/0',
    'dan in a: 1/0',
  ]);
  expect(rowsOf(world(0)).sort()).toEqual([
    'ann in a: 2/0',
    'bob in b: 1/4',
    'cat in a: 2/0',
    'dan in a: 2/0',
  ]);
});

test('marks tell the settings to clients that weigh by themselves', () => {
  expect(toSnapshotMark({ agent: world(3) }, 7)).toEqual({
    ...{ index: 7, version: 1, node: 'ann', zone: 'a' },
    ...{ zoneSpill: 0.5, zoneHold: 30_000 },
  });
});

test('resolve has the zones that get traffic first, and suspects last all the same', async () => {
  expect(await resolve(world(3))).toEqual([
    'ann in a: 1/4',
    'cat in a: 1/4',
    'dan in a: 1/4',
    'bob in b: 2/4',
  ]);
  expect(await resolve(world(0))).toEqual(['bob in b: 1/4']);
  const agent = world(3);
  agent.rows.set(
    'cat',
    member('cat', { status: 'suspect', state: 'suspect', tags: new Map([['zone', 'a']]) }),
  );
  expect((await resolve(agent)).at(-1)).toBe('cat in a: 1/4');
});

test('why says which zone is spare, and how much another gets', async () => {
  const why = async (usable: number): Promise<Record<string, string>> => {
    const answer = await send(await serve(world(usable)), '/v1/hearsay/why?service=web');
    const { instances } = answer.json() as {
      instances: { id: string; reasons: { kind: string; message: string }[]; summary: string }[];
    };
    return Object.fromEntries(
      instances.flatMap(({ id, reasons }) =>
        reasons.filter(({ kind }) => kind === 'zone').map(({ message }) => [id, message]),
      ),
    );
  };
  expect(await why(3)).toEqual({ bob: 'zone b is spare: zone a has 3 of 3' });
  const split = 'of the traffic from here: zone a has 1 of 3, zone b has 1 of 1';
  expect(await why(1)).toEqual({ ann: `zone a gets 33 % ${split}`, bob: `zone b gets 67 % ${split}` });
  expect(await why(0)).toEqual({ bob: 'zone b gets all traffic from here: zone a has 0 of 3' });
});
