/** `/v1/health`: instances with their checks, and checks alone. */
import { instanceChecks, nodeChecksPart, serviceEntryPart } from '../../consul/checks.ts';
import { HEALTH_CHECK_SCHEMA, SERVICE_ENTRY_SCHEMA } from '../../consul/schemas.ts';
import { nodeModifyIndex } from '../../consul/services.ts';
import { flagParam } from '../../endpoint/query.ts';
import { JsonParts } from '../../endpoint/reply/json-parts.ts';
import { route } from '../../endpoint/route.ts';
import { arrayOf } from '../../endpoint/schema.ts';
import { sortByRtt } from '../../pool/near.ts';
import { allNodeEntries, nodeEntries, serviceInstances } from '../../pool/pool.ts';
import { hasTags, INSTANCE_PARAMS, isLocalPeer, NODE_PARAMS, requireValue } from '../../pool/selectors.ts';
import { nodeTopics, serviceTopics } from '../../pool/topics.ts';

/**
 * `GET /v1/health/service/:service`: instances of a failed node stay, with `serfHealth` critical; those of a node that
 * left are gone.
 *
 * Source: Consul HTTP API, "List Service Instances for Service".
 */
export const healthService = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/health/service/:service...',
  summary: 'Instances of a service, each with its node, the checks of that node and its own',
  query: { ...INSTANCE_PARAMS, passing: flagParam },
  filterSchema: SERVICE_ENTRY_SCHEMA,
  responseSchema: arrayOf(SERVICE_ENTRY_SCHEMA),
  watch: ({ params, site }) => serviceTopics(site, params.service),
  handler: ({ params, query, site, matches }) => {
    const service = requireValue(params.service, 'service name');
    if (!isLocalPeer(query)) return [];
    const instances = serviceInstances(site, service, query['node-meta']).filter(hasTags(query.tag));
    const sorted = sortByRtt(site, query.near, instances, ({ poolNode }) => poolNode.name);
    return new JsonParts(sorted.map((one) => serviceEntryPart(one, site)))
      .filter(({ Checks }) => !query.passing || Checks.every(({ Status }) => Status === 'passing'))
      .filter(matches);
  },
});

/** `GET /v1/health/checks/:service`: without the checks of nodes. */
export const healthChecks = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/health/checks/:service...',
  summary: 'Checks of the instances of a service',
  query: NODE_PARAMS,
  filterSchema: HEALTH_CHECK_SCHEMA,
  responseSchema: arrayOf(HEALTH_CHECK_SCHEMA),
  watch: ({ params, site }) => serviceTopics(site, params.service),
  handler: ({ params, query, site, matches }) => {
    const service = requireValue(params.service, 'service name');
    if (!isLocalPeer(query)) return [];
    const instances = serviceInstances(site, service, query['node-meta']);
    return sortByRtt(site, query.near, instances, ({ poolNode }) => poolNode.name)
      .flatMap(({ poolNode, instance }) => instanceChecks(instance, nodeModifyIndex(poolNode, site)))
      .filter(matches);
  },
});

/** `GET /v1/health/node/:node`. */
export const healthNode = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/health/node/:node...',
  summary: 'All checks of one node and its services, its own health first',
  filterSchema: HEALTH_CHECK_SCHEMA,
  responseSchema: arrayOf(HEALTH_CHECK_SCHEMA),
  watch: ({ params, site }) => nodeTopics(site, params.node),
  handler: ({ params, site, matches }) => {
    const entries = nodeEntries(site, requireValue(params.node, 'node name'));
    return entries === undefined ? [] : new JsonParts([nodeChecksPart(entries, site)]).filter(matches);
  },
});

/** `GET /v1/health/state/:state`. */
export const healthState = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/health/state/:state...',
  summary: 'All checks that are passing, warning, critical, or any of these',
  query: NODE_PARAMS,
  filterSchema: HEALTH_CHECK_SCHEMA,
  responseSchema: arrayOf(HEALTH_CHECK_SCHEMA),
  watch: () => ['checks', 'nodes'],
  handler: ({ params, query, site, matches }) => {
    const state = requireValue(params.state, 'check state');
    if (!isLocalPeer(query)) return [];
    const nodes = [...allNodeEntries(site, query['node-meta'])];
    const sorted = sortByRtt(site, query.near, nodes, ({ poolNode }) => poolNode.name);
    return new JsonParts(sorted.map((entries) => nodeChecksPart(entries, site)))
      .filter(({ Status }) => state === 'any' || Status === state)
      .filter(matches);
  },
});
