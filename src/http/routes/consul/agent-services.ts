/** `/v1/agent/service*`: what is registered with this agent. Reads never wait for gossip, writes go through it. */
import { createHash } from 'node:crypto';
import { parseService } from '../../../checks/definition/definition.ts';
import { noScript, unknownService } from '../../consul/registration-errors.ts';
import { AGENT_SERVICE, SERVICE_DEFINITION } from '../../consul/schemas.ts';
import { agentServiceShape } from '../../consul/services.ts';
import type { AgentServiceShape } from '../../consul/types.ts';
import { waitTime } from '../../endpoint/blocking.ts';
import { parseJson } from '../../endpoint/body.ts';
import { choice, flag, presence, text } from '../../endpoint/query.ts';
import { json } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { map } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { required } from '../../pool/selectors.ts';

/** `GET /v1/agent/services`: by id. The platform's own service is not among them: nobody registered it. */
export const agentServices = route({
  method: 'GET',
  path: '/v1/agent/services',
  summary: 'Services registered here, by id',
  filters: AGENT_SERVICE,
  shows: map(AGENT_SERVICE),
  answer: ({ view, site, matches }) =>
    Object.fromEntries(
      [...view.local.services().values()]
        .map(({ definition }) => agentServiceShape(definition, site))
        .filter(matches)
        .map((service) => [service.ID, service]),
    ),
});

/**
 * `GET /v1/agent/service/:id`. With `hash` it parks while the content is the one of that hash.
 *
 * Source: http.md section 5, hash blocking.
 */
export const agentService = route({
  method: 'GET',
  path: '/v1/agent/service/:id...',
  summary: 'A service registered here; `hash` waits until it changes',
  shows: AGENT_SERVICE,
  query: { hash: text, wait: waitTime, pretty: presence },
  answer: async ({ params: { id }, query, view, site, gone }) => {
    required(id, 'service ID');
    const same = (): boolean => hashedService(site, id)?.ContentHash === query.hash;
    await site.watchers.while(same, [`entries:${view.node}`], query.wait, gone);
    const service = hashedService(site, id);
    if (service === undefined) throw unknownService(id);
    return json(service, query.pretty, { 'X-Consul-ContentHash': service.ContentHash });
  },
});

/**
 * `PUT /v1/agent/service/register`: the same id again replaces it. All or nothing; answered when this agent's
 * readers can see it.
 *
 * Source: http.md section 8, R1 to R6.
 */
export const agentServiceRegister = route({
  method: 'PUT',
  path: '/v1/agent/service/register',
  summary: 'Register a service, or replace it',
  takes: SERVICE_DEFINITION,
  query: { 'replace-existing-checks': flag },
  body: parseJson,
  act: async ({ body, query, view, site }) => {
    const { service, checks } = parseService(body, { node: view.node });
    checks.forEach(noScript);
    const replaceChecks = query['replace-existing-checks'];
    await site.door.ask({ kind: 'registerService', service, checks, replaceChecks, fromFile: false });
  },
});

/** `PUT /v1/agent/service/deregister/:id`: with its checks. */
export const agentServiceDeregister = route({
  method: 'PUT',
  path: '/v1/agent/service/deregister/:id...',
  summary: 'Remove a service with its checks',
  oldClients: true,
  act: async ({ params, view, site }) => {
    const id = required(params.id, 'service ID');
    if (!view.local.services().has(id)) throw unknownService(id);
    await site.door.ask({ kind: 'deregisterService', id });
  },
});

/** `PUT /v1/agent/service/maintenance/:id`: a critical check by an operator's word, or its end. */
export const agentServiceMaintenance = route({
  method: 'PUT',
  path: '/v1/agent/service/maintenance/:id...',
  summary: 'Take a service out by an operator’s word, or put it back',
  query: { enable: choice, reason: text },
  act: async ({ params, query: { enable, reason }, view, site }) => {
    const service = required(params.id, 'service ID');
    if (!view.local.services().has(service)) throw unknownService(service);
    await site.door.ask({ kind: 'maintenance', service, on: enable, reason });
  },
});

/** `PUT /v1/agent/maintenance`: takes every service of this node out, or back in. */
export const agentMaintenance = route({
  method: 'PUT',
  path: '/v1/agent/maintenance',
  summary: 'Take every service of this node out, or put them back',
  query: { enable: choice, reason: text },
  act: async ({ query: { enable, reason }, site }) => {
    await site.door.ask({ kind: 'maintenance', on: enable, reason });
  },
});

/** The hash is of all that is shown beside it. */
function hashedService(
  site: Site,
  id: string,
): (AgentServiceShape & { readonly ContentHash: string }) | undefined {
  const held = site.door.view.local.services().get(id);
  if (held === undefined) return undefined;
  const shape = agentServiceShape(held.definition, site);
  const hash = createHash('sha256').update(JSON.stringify(shape)).digest('hex');
  return { ...shape, ContentHash: hash.slice(0, 16) };
}
