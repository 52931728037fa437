/** `/v1/catalog`: the replicated view, by node and by service. */

import { nodeShape } from '../../consul/nodes.ts';
import { CATALOG_SERVICE, NODE, NODE_SERVICE } from '../../consul/schemas.ts';
import { catalogServiceOf, hostIndex, hostShape, nodeServiceShape } from '../../consul/services.ts';
import type { Filter } from '../../endpoint/filter/filter.ts';
import { text } from '../../endpoint/query.ts';
import { Parts } from '../../endpoint/reply/json-parts.ts';
import { route } from '../../endpoint/route.ts';
import { list, map, nullable, object, texts } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { nearest } from '../../pool/near.ts';
import { allSightings, entriesOf, hasMeta, serviceTags, sightings, tagsOf } from '../../pool/pool.ts';
import { INSTANCES, isOurs, NODES, required, withTags } from '../../pool/selectors.ts';
import { nodeTopics, serviceTopics } from '../../pool/topics.ts';

/** One pool is one datacenter. Source: http.md section 9. */
export const catalogDatacenters = route({
  method: 'GET',
  path: '/v1/catalog/datacenters',
  summary: 'The own datacenter',
  shows: texts,
  watch: () => ['nodes'],
  blocks: false,
  answer: ({ site }) => [site.info.datacenter],
});

/** A failed one stays listed until it is reaped. Source: http.md section 9. */
export const catalogNodes = route({
  method: 'GET',
  path: '/v1/catalog/nodes',
  summary: 'Members that have not left',
  query: NODES,
  filters: NODE,
  shows: list(NODE),
  watch: () => ['nodes'],
  answer: ({ query, view, site, matches }) => {
    const members = view
      .members()
      .filter((member) => isOurs(query) && member.status !== 'left')
      .filter((member) => hasMeta({ member }, query['node-meta']));
    return nearest(site, query.near, members, ({ name }) => name)
      .map((member) => nodeShape(member, site))
      .filter(matches);
  },
});

/**
 * In whatever state the instances are; checks do not wake it. A filter selects instances, and what is left of them is
 * listed.
 *
 * Source: http.md section 9, B5.
 */
export const catalogServices = route({
  method: 'GET',
  path: '/v1/catalog/services',
  summary: 'Names of services with the tags of all their instances',
  query: { ...NODES, filter: text },
  filters: CATALOG_SERVICE,
  shows: map(texts),
  watch: ({ query }) =>
    query['node-meta'].size === 0 && query.filter === '' ? ['services'] : ['services', 'nodes'],
  answer: ({ query, site, matches }) => {
    if (!isOurs(query)) return {};
    if (query.filter === '') return Object.fromEntries(serviceTags(site, query['node-meta']));
    const wanted = allSightings(site, query['node-meta']).filter((one) =>
      catalogServiceOf(one, site).values.every(matches),
    );
    return Object.fromEntries(tagsOf(wanted));
  },
});

/** In any state, each flat with its node. */
export const catalogService = route({
  method: 'GET',
  path: '/v1/catalog/service/:service...',
  summary: 'Instances of a service in any state, each flat with its node',
  query: INSTANCES,
  filters: CATALOG_SERVICE,
  shows: list(CATALOG_SERVICE),
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: ({ params, query, site, matches }) => {
    const service = required(params.service, 'service name');
    if (!isOurs(query)) return [];
    const found = sightings(site, service, query['node-meta']).filter(withTags(query.tag));
    const instances = nearest(site, query.near, found, ({ host }) => host.name);
    return new Parts(instances.map((one) => catalogServiceOf(one, site))).where(matches);
  },
});

/** `null` if nobody knows it. A filter selects among its services. */
export const catalogNode = route({
  method: 'GET',
  path: '/v1/catalog/node/:node...',
  summary: 'One node and its services by id',
  filters: NODE_SERVICE,
  shows: nullable(object({ Node: NODE, Services: map(NODE_SERVICE) })),
  watch: ({ params, site }) => nodeTopics(site, params.node),
  answer: ({ params, site, matches }) => {
    const found = nodeServices(site, required(params.node, 'node name'), matches);
    if (found === undefined) return null;
    return { ...found, Services: Object.fromEntries(found.Services.map((one) => [one.ID, one])) };
  },
});

/** The same as a list. */
export const catalogNodeServices = route({
  method: 'GET',
  path: '/v1/catalog/node-services/:node...',
  summary: 'One node and its services',
  filters: NODE_SERVICE,
  shows: object({ Node: nullable(NODE), Services: nullable(list(NODE_SERVICE)) }),
  watch: ({ params, site }) => nodeTopics(site, params.node),
  answer: ({ params, site, matches }) =>
    nodeServices(site, required(params.node, 'node name'), matches) ?? { Node: null, Services: null },
});

/** There is no mesh. Parks, so that nobody asks without pause. */
export const catalogConnect = route({
  method: 'GET',
  path: '/v1/catalog/connect/:service...',
  summary: 'Nothing: there is no mesh',
  shows: list(CATALOG_SERVICE),
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: () => [],
});

/** There are no gateways. */
export const catalogGatewayServices = route({
  method: 'GET',
  path: '/v1/catalog/gateway-services/:gateway...',
  summary: 'Nothing: there are no gateways',
  shows: list(object({})),
  watch: ({ params, site }) => serviceTopics(site, params.gateway),
  answer: () => [],
});

function nodeServices(site: Site, node: string, matches: Filter) {
  const entries = entriesOf(site, node);
  if (entries === undefined) return undefined;
  const index = hostIndex(entries.host, site);
  return {
    Node: hostShape(entries.host, site),
    Services: entries.instances.map(({ service }) => nodeServiceShape(service, index)).filter(matches),
  };
}
