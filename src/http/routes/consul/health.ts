/** `/v1/health`: instances with their checks, and checks by themselves. */
import { entryOf, hostChecks, instanceChecks } from '../../consul/checks.ts';
import { CHECK, SERVICE_ENTRY } from '../../consul/schemas.ts';
import { hostIndex } from '../../consul/services.ts';
import { flag } from '../../endpoint/query.ts';
import { Parts } from '../../endpoint/reply/json-parts.ts';
import { route } from '../../endpoint/route.ts';
import { list } from '../../endpoint/schema.ts';
import { nearest } from '../../pool/near.ts';
import { entriesOf, everything, sightings } from '../../pool/pool.ts';
import { INSTANCES, isOurs, NODES, required, withTags } from '../../pool/selectors.ts';
import { nodeTopics, serviceTopics } from '../../pool/topics.ts';

/**
 * A failed node's instances stay, with `serfHealth` critical; a node that left is gone.
 *
 * Source: http.md section 10.
 */
export const healthService = route({
  method: 'GET',
  path: '/v1/health/service/:service...',
  summary: 'Instances of a service, each with its node, the checks of that node and its own',
  query: { ...INSTANCES, passing: flag },
  filters: SERVICE_ENTRY,
  shows: list(SERVICE_ENTRY),
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: ({ params, query, site, matches }) => {
    const service = required(params.service, 'service name');
    if (!isOurs(query)) return [];
    const found = sightings(site, service, query['node-meta']).filter(withTags(query.tag));
    const entries = nearest(site, query.near, found, ({ host }) => host.name).map((one) =>
      entryOf(one, site),
    );
    return new Parts(entries)
      .where(({ Checks }) => !query.passing || Checks.every(({ Status }) => Status === 'passing'))
      .where(matches);
  },
});

/** Without those of their nodes. */
export const healthChecks = route({
  method: 'GET',
  path: '/v1/health/checks/:service...',
  summary: 'Checks of the instances of a service',
  query: NODES,
  filters: CHECK,
  shows: list(CHECK),
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: ({ params, query, site, matches }) => {
    const service = required(params.service, 'service name');
    if (!isOurs(query)) return [];
    const found = sightings(site, service, query['node-meta']);
    return nearest(site, query.near, found, ({ host }) => host.name)
      .flatMap(({ host, instance }) => instanceChecks(instance, hostIndex(host, site)))
      .filter(matches);
  },
});

export const healthNode = route({
  method: 'GET',
  path: '/v1/health/node/:node...',
  summary: 'All checks of one node and its services, its own health first',
  filters: CHECK,
  shows: list(CHECK),
  watch: ({ params, site }) => nodeTopics(site, params.node),
  answer: ({ params, site, matches }) => {
    const entries = entriesOf(site, required(params.node, 'node name'));
    return entries === undefined ? [] : new Parts([hostChecks(entries, site)]).where(matches);
  },
});

export const healthState = route({
  method: 'GET',
  path: '/v1/health/state/:state...',
  summary: 'All checks that are passing, warning, critical, or any of these',
  query: NODES,
  filters: CHECK,
  shows: list(CHECK),
  watch: () => ['checks', 'nodes'],
  answer: ({ params, query, site, matches }) => {
    const state = required(params.state, 'check state');
    if (!isOurs(query)) return [];
    const hosts = nearest(
      site,
      query.near,
      [...everything(site, query['node-meta'])],
      ({ host }) => host.name,
    );
    return new Parts(hosts.map((entries) => hostChecks(entries, site)))
      .where(({ Status }) => state === 'any' || Status === state)
      .where(matches);
  },
});

/** There is no mesh. Parks, so that nobody asks without pause. */
export const healthConnect = route({
  method: 'GET',
  path: '/v1/health/connect/:service...',
  summary: 'Nothing: there is no mesh',
  shows: list(SERVICE_ENTRY),
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: () => [],
});

/** There are no gateways. */
export const healthIngress = route({
  method: 'GET',
  path: '/v1/health/ingress/:service...',
  summary: 'Nothing: there are no gateways',
  shows: list(SERVICE_ENTRY),
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: () => [],
});
