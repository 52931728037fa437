/** `/v1/catalog`: the replicated view, by node and by service. `near` changes nothing while there are no coordinates. */

import { route } from '../route.ts';
import { catalogServiceShape, hostShape, nodeServiceShape } from '../service-shapes.ts';
import { nodeShape } from '../shapes.ts';
import { nodeTopics, serviceTopics } from '../topics.ts';
import { INSTANCES, isOurs, NODES, required, withTags } from '../where.ts';
import { entriesOf, hasMeta, serviceTags, sightings } from '../world.ts';

/** `GET /v1/catalog/datacenters`: one pool is one datacenter. Source: http.md section 9. */
export const catalogDatacenters = route({
  method: 'GET',
  path: '/v1/catalog/datacenters',
  watch: () => ['nodes'],
  blocks: false,
  answer: ({ site }) => [site.info.datacenter],
});

/**
 * `GET /v1/catalog/nodes`: members that have not left; a failed one stays listed until it is reaped. Blocks on
 * `index`.
 *
 * Source: http.md section 9.
 */
export const catalogNodes = route({
  method: 'GET',
  path: '/v1/catalog/nodes',
  query: NODES,
  watch: () => ['nodes'],
  answer: ({ query, view, site }) =>
    view
      .members()
      .filter((member) => isOurs(query) && member.status !== 'left')
      .filter((member) => hasMeta({ member }, query['node-meta']))
      .map((member) => nodeShape(member, site)),
});

/**
 * `GET /v1/catalog/services`: names with the tags of all instances, in whatever state these are. Blocks on `index`;
 * checks do not wake it.
 *
 * Source: http.md section 9, B5.
 */
export const catalogServices = route({
  method: 'GET',
  path: '/v1/catalog/services',
  query: NODES,
  watch: ({ query }) => (query['node-meta'].size === 0 ? ['services'] : ['services', 'nodes']),
  answer: ({ query, site }) =>
    isOurs(query) ? Object.fromEntries(serviceTags(site, query['node-meta'])) : {},
});

/** `GET /v1/catalog/service/:name`: its instances in any state, each flat with its node. Blocks on `index`. */
export const catalogService = route({
  method: 'GET',
  path: '/v1/catalog/service/:service...',
  query: INSTANCES,
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: ({ params, query, view, site }) => {
    const service = required(params.service, 'service name');
    if (!isOurs(query)) return [];
    const index = view.indexOf([`service:${service.toLowerCase()}`]);
    return sightings(site, service, query['node-meta'])
      .filter(withTags(query.tag))
      .map((sighting) => catalogServiceShape(sighting, site, index));
  },
});

/** `GET /v1/catalog/node/:node`: what one node has, its services by id; `null` if nobody knows it. */
export const catalogNode = route({
  method: 'GET',
  path: '/v1/catalog/node/:node...',
  watch: ({ params, site }) => nodeTopics(site, params.node),
  answer: ({ params, view, site }) => {
    const entries = entriesOf(site, required(params.node, 'node name'));
    if (entries === undefined) return null;
    const index = view.indexOf(nodeTopics(site, params.node));
    const services = entries.instances.map(({ service }) => nodeServiceShape(service, index));
    return {
      Node: hostShape(entries.host, site),
      Services: Object.fromEntries(services.map((service) => [service.ID, service])),
    };
  },
});

/** `GET /v1/catalog/node-services/:node`: the same as a list. */
export const catalogNodeServices = route({
  method: 'GET',
  path: '/v1/catalog/node-services/:node...',
  watch: ({ params, site }) => nodeTopics(site, params.node),
  answer: ({ params, view, site }) => {
    const entries = entriesOf(site, required(params.node, 'node name'));
    if (entries === undefined) return { Node: null, Services: null };
    const index = view.indexOf(nodeTopics(site, params.node));
    return {
      Node: hostShape(entries.host, site),
      Services: entries.instances.map(({ service }) => nodeServiceShape(service, index)),
    };
  },
});

/** `GET /v1/catalog/connect/:service`: there is no mesh. Parks, so that nobody asks without pause. */
export const catalogConnect = route({
  method: 'GET',
  path: '/v1/catalog/connect/:service...',
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: () => [],
});

/** `GET /v1/catalog/gateway-services/:gateway`: there are no gateways. */
export const catalogGatewayServices = route({
  method: 'GET',
  path: '/v1/catalog/gateway-services/:gateway...',
  watch: ({ params, site }) => serviceTopics(site, params.gateway),
  answer: () => [],
});
