/** `/v1/catalog`: the catalog by node and by service. */

import { CATALOG_SERVICE_SCHEMA, NODE_SCHEMA, NODE_SERVICE_SCHEMA } from '../../consul/schemas.ts';
import {
  catalogServicePart,
  nodeModifyIndex,
  toConsulNode,
  toConsulNodeService,
} from '../../consul/services.ts';
import type { FilterPredicate } from '../../endpoint/filter/filter.ts';
import { textParam } from '../../endpoint/query.ts';
import { JsonParts } from '../../endpoint/reply/json-parts.ts';
import { route } from '../../endpoint/route.ts';
import { arrayOf, nullable, object, recordOf, strings } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { sortByRtt } from '../../pool/near.ts';
import {
  allServiceInstances,
  hasMeta,
  nodeEntries,
  serviceInstances,
  serviceTags,
  tagsByService,
} from '../../pool/pool.ts';
import { hasTags, INSTANCE_PARAMS, isLocalPeer, NODE_PARAMS, requireValue } from '../../pool/selectors.ts';
import { nodeTopics, serviceTopics } from '../../pool/topics.ts';

/** `GET /v1/catalog/datacenters`: one pool is one datacenter. Source: Consul HTTP API, "List Datacenters". */
export const catalogDatacenters = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/catalog/datacenters',
  summary: 'The datacenter of this agent',
  responseSchema: strings,
  watch: () => ['nodes'],
  blocking: false,
  ownOnly: true,
  handler: ({ site }) => [site.info.datacenter],
});

/** `GET /v1/catalog/nodes`: failed nodes stay listed until they are reaped. Source: Consul HTTP API, "List Nodes". */
export const catalogNodes = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/catalog/nodes',
  summary: 'Members that have not left',
  query: NODE_PARAMS,
  filterSchema: NODE_SCHEMA,
  responseSchema: arrayOf(NODE_SCHEMA),
  watch: () => ['nodes'],
  handler: ({ query, view, site, matches }) => {
    if (!isLocalPeer(query)) return [];
    const members = view.members().filter((member) => member.status !== 'left');
    const nodes = [
      ...members.map((member) => ({ name: member.name, member })),
      ...[...view.catalog.externalNodes()].map((external) => ({
        name: external.name,
        member: undefined,
        external,
      })),
    ].filter((node) => hasMeta(node, query['node-meta']));
    return sortByRtt(site, query.near, nodes, ({ name }) => name)
      .map((node) => toConsulNode(node, site))
      .filter(matches);
  },
});

/**
 * `GET /v1/catalog/services`: services with instances in any state; checks do not wake it. A filter selects instances,
 * and the services of these are listed.
 *
 * Source: Consul HTTP API, "List Services"; B5 (docs/consul.md).
 */
export const catalogServices = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/catalog/services',
  summary: 'Names of services with the tags of all their instances',
  query: { ...NODE_PARAMS, filter: textParam },
  filterSchema: CATALOG_SERVICE_SCHEMA,
  responseSchema: recordOf(strings),
  watch: ({ query }) =>
    query['node-meta'].size === 0 && query.filter === '' ? ['services'] : ['services', 'nodes'],
  handler: ({ query, site, matches }) => {
    if (!isLocalPeer(query)) return {};
    if (query.filter === '') return Object.fromEntries(serviceTags(site, query['node-meta']));
    const wanted = allServiceInstances(site, query['node-meta']).filter((one) =>
      catalogServicePart(one, site).values.every(matches),
    );
    return Object.fromEntries(tagsByService(wanted));
  },
});

/** `GET /v1/catalog/service/:service`: instances in any state. */
export const catalogService = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/catalog/service/:service...',
  summary: 'Instances of a service in any state, each flat with its node',
  query: INSTANCE_PARAMS,
  filterSchema: CATALOG_SERVICE_SCHEMA,
  responseSchema: arrayOf(CATALOG_SERVICE_SCHEMA),
  watch: ({ params, site }) => serviceTopics(site, params.service),
  handler: ({ params, query, site, matches }) => {
    const service = requireValue(params.service, 'service name');
    if (!isLocalPeer(query)) return [];
    const instances = serviceInstances(site, service, query['node-meta']).filter(hasTags(query.tag));
    const sorted = sortByRtt(site, query.near, instances, ({ poolNode }) => poolNode.name);
    return new JsonParts(sorted.map((one) => catalogServicePart(one, site))).filter(matches);
  },
});

/** `GET /v1/catalog/node/:node`: `null` if the node is unknown. A filter selects among its services. */
export const catalogNode = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/catalog/node/:node...',
  summary: 'One node and its services by id',
  filterSchema: NODE_SERVICE_SCHEMA,
  responseSchema: nullable(object({ Node: NODE_SCHEMA, Services: recordOf(NODE_SERVICE_SCHEMA) })),
  watch: ({ params, site }) => nodeTopics(site, params.node),
  handler: ({ params, site, matches }) => {
    const node = nodeServices(site, requireValue(params.node, 'node name'), matches);
    if (node === undefined) return null;
    return { ...node, Services: Object.fromEntries(node.Services.map((one) => [one.ID, one])) };
  },
});

/** `GET /v1/catalog/node-services/:node`: the same with the services as a list. */
export const catalogNodeServices = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/catalog/node-services/:node...',
  summary: 'One node and its services',
  filterSchema: NODE_SERVICE_SCHEMA,
  responseSchema: object({ Node: nullable(NODE_SCHEMA), Services: nullable(arrayOf(NODE_SERVICE_SCHEMA)) }),
  watch: ({ params, site }) => nodeTopics(site, params.node),
  handler: ({ params, site, matches }) =>
    nodeServices(site, requireValue(params.node, 'node name'), matches) ?? { Node: null, Services: null },
});

function nodeServices(site: Site, node: string, matches: FilterPredicate) {
  const entries = nodeEntries(site, node);
  if (entries === undefined) return undefined;
  const index = nodeModifyIndex(entries.poolNode, site);
  return {
    Node: toConsulNode(entries.poolNode, site),
    Services: entries.instances.map(({ service }) => toConsulNodeService(service, index)).filter(matches),
  };
}
