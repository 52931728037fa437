/** `/v1/coordinate`: where members are in round-trip time. Source: http.md section 13. */
import { type CoordinateShape, coordinateShape } from '../../consul/coordinates.ts';
import { COORDINATE } from '../../consul/schemas.ts';
import { Refusal } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { list, object, text } from '../../endpoint/schema.ts';
import { required } from '../../pool/selectors.ts';
import { nodeTopics } from '../../pool/topics.ts';

/**
 * Only of members that answered a probe of ours.
 *
 * Differs: the index moves with the nodes, not with their coordinates, which drift with every probe; whoever reads
 * them for good asks again when its wait is over.
 */
export const coordinateNodes = route({
  method: 'GET',
  path: '/v1/coordinate/nodes',
  summary: 'Coordinates of all members that are known',
  filters: COORDINATE,
  shows: list(COORDINATE),
  watch: () => ['nodes'],
  fleeting: true,
  answer: ({ view, site, matches }) =>
    view
      .members()
      .filter(({ status }) => status !== 'left')
      .map(({ name }) => coordinateShape(site, name))
      .filter((one): one is CoordinateShape => one !== undefined)
      .filter(matches),
});

export const coordinateNode = route({
  method: 'GET',
  path: '/v1/coordinate/node/:node...',
  summary: 'The coordinate of one member',
  shows: list(COORDINATE),
  watch: ({ params, site }) => nodeTopics(site, params.node),
  fleeting: true,
  answer: ({ params, view, site }) => {
    const node = required(params.node, 'node name');
    const found = coordinateShape(site, view.member(node)?.name ?? node);
    if (found === undefined) throw new Refusal(404, `No coordinate of ${JSON.stringify(node)} is known here`);
    return [found];
  },
});

/** There is one pool, and its members are not placed among those of others. */
export const coordinateDatacenters = route({
  method: 'GET',
  path: '/v1/coordinate/datacenters',
  summary: 'Nothing: there is one datacenter',
  shows: list(object({ Datacenter: text, AreaID: text, Coordinates: list(COORDINATE) })),
  answer: () => [],
});

/** Accepted and ignored: members tell their coordinates themselves, with every ack. */
export const coordinateUpdate = route({
  method: 'PUT',
  path: '/v1/coordinate/update',
  summary: 'Nothing: members tell their coordinates themselves',
  act: () => undefined,
});
