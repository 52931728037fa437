/** N11: instances on suspected nodes come last in lists whose order is one of preference. */
import { expect, test } from 'vitest';
import type { HttpServerOptions } from '../../../../src/http/server/server.ts';
import type { Coordinate } from '../../../../src/serf/coordinates.ts';
import { instance, service } from '../data.ts';
import { FakeAgent, member, send, serve } from '../fixture.ts';

const at = (millis: number): Coordinate => ({
  ...{ vec: [millis / 1000, 0, 0, 0, 0, 0, 0, 0], error: 0.1, adjustment: 0, height: 1e-5 },
});

/** Nodes at growing distance; those named are suspected. */
async function start(suspects: readonly string[], options: Partial<HttpServerOptions> = {}) {
  const agent = new FakeAgent();
  for (const [i, name] of ['ann', 'bob', 'cat', 'dan'].entries()) {
    agent.rows.set(
      name,
      member(name, suspects.includes(name) ? { status: 'suspect', state: 'suspect' } : {}),
    );
    agent.coordinates.set(name, at(10 * i));
    agent.catalog.held.push(instance(name, service('web', { id: `web-${name}` })));
  }
  const server = await serve(agent, { selfService: 'off', ...options });
  return async (path: string): Promise<string> => {
    const rows = (await send(server, path)).json() as { node?: string; Node?: string | { Node: string } }[];
    return rows.map(({ node, Node }) => node ?? (typeof Node === 'object' ? Node.Node : Node)).join(' ');
  };
}

const PREFERENCES = [
  '/v1/hearsay/resolve/web',
  '/v1/health/service/web?near=_agent',
  '/v1/catalog/service/web?near=ann',
  '/v1/catalog/nodes?near=ann',
];

test.each(PREFERENCES)(
  '%s: the nearest is last while it is suspected and two others are well',
  async (path) => {
    expect(await (await start([]))(path)).toBe('ann bob cat dan');
    expect(await (await start(['bob']))(path)).toBe('ann cat dan bob');
    expect(await (await start(['ann', 'bob']))(path)).toBe('cat dan ann bob');
  },
);

test.each(PREFERENCES)(
  '%s: with fewer that are well, or the setting off, distance alone counts',
  async (path) => {
    expect(await (await start(['ann', 'bob', 'cat']))(path)).toBe('ann bob cat dan');
    expect(await (await start(['bob'], { suspectsLast: false }))(path)).toBe('ann bob cat dan');
  },
);

test('lists without an order of preference stay as they are', async () => {
  expect(await (await start(['ann']))('/v1/health/service/web')).toBe('ann bob cat dan');
});
