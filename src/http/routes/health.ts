/** `/v1/health`: instances with their checks, and checks by themselves. */
import { entryShape, hostChecks, instanceChecks } from '../check-shapes.ts';
import { flag } from '../query.ts';
import { route } from '../route.ts';
import { nodeTopics, serviceTopics } from '../topics.ts';
import { INSTANCES, isOurs, NODES, required, withTags } from '../where.ts';
import { entriesOf, everything, sightings } from '../world.ts';

/**
 * `GET /v1/health/service/:name`: the instances of one service, each with its node, the checks of that node and its
 * own. A failed node's instances stay, with `serfHealth` critical; a node that left is gone. Blocks on `index`.
 *
 * Source: http.md section 10.
 */
export const healthService = route({
  method: 'GET',
  path: '/v1/health/service/:service...',
  query: { ...INSTANCES, passing: flag },
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: ({ params, query, view, site }) => {
    const service = required(params.service, 'service name');
    if (!isOurs(query)) return [];
    const index = view.indexOf([`service:${service.toLowerCase()}`]);
    const entries = sightings(site, service, query['node-meta'])
      .filter(withTags(query.tag))
      .map((sighting) => entryShape(sighting, site, index));
    if (!query.passing) return entries;
    return entries.filter(({ Checks }) => Checks.every(({ Status }) => Status === 'passing'));
  },
});

/** `GET /v1/health/checks/:name`: checks of the instances of one service, without those of their nodes. */
export const healthChecks = route({
  method: 'GET',
  path: '/v1/health/checks/:service...',
  query: NODES,
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: ({ params, query, view, site }) => {
    const service = required(params.service, 'service name');
    if (!isOurs(query)) return [];
    const index = view.indexOf([`service:${service.toLowerCase()}`]);
    return sightings(site, service, query['node-meta']).flatMap(({ instance }) =>
      instanceChecks(instance, index),
    );
  },
});

/** `GET /v1/health/node/:node`: all checks of one node and its services, `serfHealth` first. */
export const healthNode = route({
  method: 'GET',
  path: '/v1/health/node/:node...',
  watch: ({ params, site }) => nodeTopics(site, params.node),
  answer: ({ params, view, site }) => {
    const entries = entriesOf(site, required(params.node, 'node name'));
    return entries === undefined ? [] : hostChecks(entries, view.indexOf(nodeTopics(site, params.node)));
  },
});

/** `GET /v1/health/state/:state`: all checks in that state; `any` for all. */
export const healthState = route({
  method: 'GET',
  path: '/v1/health/state/:state...',
  query: NODES,
  watch: () => ['checks', 'nodes'],
  answer: ({ params, query, view, site }) => {
    const state = required(params.state, 'check state');
    if (!isOurs(query)) return [];
    const index = view.indexOf(['checks', 'nodes']);
    const checks = [...everything(site, query['node-meta'])].flatMap((entries) => hostChecks(entries, index));
    return state === 'any' ? checks : checks.filter(({ Status }) => Status === state);
  },
});

/** `GET /v1/health/connect/:service`: there is no mesh. Parks, so that nobody asks without pause. */
export const healthConnect = route({
  method: 'GET',
  path: '/v1/health/connect/:service...',
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: () => [],
});

/** `GET /v1/health/ingress/:service`: there are no gateways. */
export const healthIngress = route({
  method: 'GET',
  path: '/v1/health/ingress/:service...',
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: () => [],
});
