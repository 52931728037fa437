/** `/v1/coordinate`: network coordinates of members. Source: Consul HTTP API, "Coordinates". */
import { type ConsulCoordinate, toConsulCoordinate } from '../../consul/coordinates.ts';
import { COORDINATE_SCHEMA } from '../../consul/schemas.ts';
import { HttpError } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { arrayOf, object, string } from '../../endpoint/schema.ts';
import { requireValue } from '../../pool/selectors.ts';
import { nodeTopics } from '../../pool/topics.ts';

/**
 * `GET /v1/coordinate/nodes`: coordinates of the members that answered a probe of this agent.
 *
 * Differs: the index moves with the nodes, not with their coordinates, which drift with every probe. A client that
 * follows them reads them again when its wait is over.
 */
export const coordinateNodes = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/coordinate/nodes',
  summary: 'Coordinates of all members that are known',
  filterSchema: COORDINATE_SCHEMA,
  responseSchema: arrayOf(COORDINATE_SCHEMA),
  watch: () => ['nodes'],
  uncacheable: true,
  handler: ({ view, site, matches }) =>
    view
      .members()
      .filter(({ status }) => status !== 'left')
      .map(({ name }) => toConsulCoordinate(site, name))
      .filter((one): one is ConsulCoordinate => one !== undefined)
      .filter(matches),
});

export const coordinateNode = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/coordinate/node/:node...',
  summary: 'The coordinate of one member',
  responseSchema: arrayOf(COORDINATE_SCHEMA),
  watch: ({ params, site }) => nodeTopics(site, params.node),
  uncacheable: true,
  handler: ({ params, view, site }) => {
    const node = requireValue(params.node, 'node name');
    const coordinate = toConsulCoordinate(site, view.member(node)?.name ?? node);
    if (coordinate === undefined)
      throw new HttpError(404, `No coordinate of ${JSON.stringify(node)} is known here`);
    return [coordinate];
  },
});

/** There is one pool, so there are no coordinates of other datacenters. */
export const coordinateDatacenters = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/coordinate/datacenters',
  summary: 'Nothing: there is one datacenter',
  responseSchema: arrayOf(
    object({ Datacenter: string, AreaID: string, Coordinates: arrayOf(COORDINATE_SCHEMA) }),
  ),
  handler: () => [],
});

/** Accepted and ignored: members send their coordinates with every ack. */
export const coordinateUpdate = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/coordinate/update',
  summary: 'Nothing: members send their coordinates themselves',
  handler: () => undefined,
});
