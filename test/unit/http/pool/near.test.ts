import { describe, expect, test } from 'vitest';
import type { Coordinate } from '../../../../src/serf/coordinates.ts';
import { check, instance, service } from '../data.ts';
import { FakeAgent, member, put, SEED, send, serve } from '../fixture.ts';

type Json = Record<string, unknown>;

/** Coordinates on a line, in milliseconds. */
const at = (millis: number): Coordinate => ({
  vec: [millis / 1000, 0, 0, 0, 0, 0, 0, 0],
  error: 0.1,
  adjustment: 0,
  height: 1e-5,
});

/** Node dan has no coordinate: it never answered a probe. */
async function line() {
  const agent = new FakeAgent(...['ann', 'bob', 'cat', 'dan'].map((name) => member(name)));
  for (const [name, millis] of [
    ['ann', 0],
    ['bob', 30],
    ['cat', 10],
  ] as const)
    agent.coordinates.set(name, at(millis));
  agent.catalog.held = ['bob', 'cat', 'dan', 'ann'].map((node) =>
    instance(node, service('web', { id: `web-${node}` }), {
      checks: [check('c', { serviceId: `web-${node}` })],
    }),
  );
  const server = await serve(agent, { selfService: 'off' });
  const nodes = async (path: string): Promise<unknown[]> =>
    ((await send(server, path)).json() as (Json & { Node: Json })[]).map(({ Node }) => Node['Node'] ?? Node);
  return { agent, server, nodes };
}

describe('near', () => {
  test.each(['/v1/catalog/service/web', '/v1/health/service/web', '/v1/health/checks/web'])(
    '%s is sorted by distance, nodes without a coordinate last',
    async (path) => {
      const { nodes } = await line();
      expect(await nodes(`${path}?near=_agent`)).toEqual(['ann', 'cat', 'bob', 'dan']);
      expect(await nodes(`${path}?near=BOB`)).toEqual(['bob', 'cat', 'ann', 'dan']);
      for (const near of ['', 'dan', 'nobody'])
        expect(await nodes(`${path}?near=${near}`)).toEqual(await nodes(path));
    },
  );

  test('nodes, checks by state, and resolve', async () => {
    const { nodes, server } = await line();
    expect(await nodes('/v1/catalog/nodes?near=bob')).toEqual(['bob', 'cat', 'ann', 'dan']);
    const state = await nodes('/v1/health/state/any?near=_agent');
    expect([...new Set(state)]).toEqual(['ann', 'cat', 'bob', 'dan']);
    const places = (await send(server, '/v1/hearsay/resolve/web')).json() as Json[];
    expect(places.map(({ node }) => node)).toEqual(['ann', 'cat', 'bob', 'dan']);
    expect(places.map(({ rtt }) => rtt)).toEqual([0, expect.closeTo(10.02), expect.closeTo(30.02), null]);
  });
});

describe('coordinates', () => {
  const coord = { Vec: [0.01, 0, 0, 0, 0, 0, 0, 0], Error: 0.1, Adjustment: 0, Height: 1e-5 };

  test('coordinates of all nodes that have one, and of one node', async () => {
    const { server, nodes } = await line();
    expect(await nodes('/v1/coordinate/nodes')).toEqual(['ann', 'bob', 'cat']);
    const one = await send(server, '/v1/coordinate/node/CAT');
    expect([one.json(), one.headers['x-consul-index']]).toEqual([
      [{ Node: 'cat', Segment: '', Coord: coord }],
      String(SEED),
    ]);
    expect(((await send(server, '/v1/agent/self')).json() as Json)['Coord']).toEqual({
      ...coord,
      Vec: at(0).vec,
    });
  });

  test('unknown: 404 with an index; datacenters: none; an update is accepted', async () => {
    const { server } = await line();
    const nobody = await send(server, '/v1/coordinate/node/dan');
    expect([nobody.status, nobody.headers['x-consul-index']]).toEqual([404, String(SEED)]);
    expect((await send(server, '/v1/coordinate/datacenters')).body).toBe('[]');
    expect((await put(server, '/v1/coordinate/update', {})).status).toBe(200);
  });
});
