/** `/v1/agent/service*`: what is registered with this agent. Reads never wait for gossip, writes go through it. */
import { createHash } from 'node:crypto';
import { parseService } from '../../../checks/definition/definition.ts';
import { unknownServiceError } from '../../../checks/refusals.ts';
import { rejectScriptCheck, requireService } from '../../consul/requirements.ts';
import type { ConsulAgentService } from '../../consul/schemas.ts';
import { AGENT_SERVICE_SCHEMA, SERVICE_DEFINITION_SCHEMA } from '../../consul/schemas.ts';
import { toConsulAgentService } from '../../consul/services.ts';
import { waitParam } from '../../endpoint/blocking.ts';
import { parseJson } from '../../endpoint/body.ts';
import { flagParam, presenceParam, requiredFlagParam, textParam } from '../../endpoint/query.ts';
import { jsonReply } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { recordOf } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { requireValue } from '../../pool/selectors.ts';

/** `GET /v1/agent/services`: by id. The platform's own service is not among them: nobody registered it. */
export const agentServices = route({
  method: 'GET',
  path: '/v1/agent/services',
  summary: 'Services registered here, by id',
  filterSchema: AGENT_SERVICE_SCHEMA,
  responseSchema: recordOf(AGENT_SERVICE_SCHEMA),
  handler: ({ view, site, matches }) =>
    Object.fromEntries(
      [...view.local.services().values()]
        .map(({ definition }) => toConsulAgentService(definition, site))
        .filter(matches)
        .map((service) => [service.ID, service]),
    ),
});

/**
 * `GET /v1/agent/service/:id`. With `hash` it parks while the content is the one of that hash.
 *
 * Source: Consul HTTP API, "Blocking Queries", those by hash.
 */
export const agentService = route({
  method: 'GET',
  path: '/v1/agent/service/:id...',
  summary: 'A service registered here; `hash` waits until it changes',
  responseSchema: AGENT_SERVICE_SCHEMA,
  query: { hash: textParam, wait: waitParam, pretty: presenceParam },
  handler: async ({ params: { id }, query, view, site, onDisconnect: gone }) => {
    requireValue(id, 'service ID');
    const same = (): boolean => serviceWithHash(site, id)?.ContentHash === query.hash;
    await site.blockingQueries.waitWhile(same, [`entries:${view.node}`], query.wait, gone);
    const service = serviceWithHash(site, id);
    if (service === undefined) throw unknownServiceError(id);
    return jsonReply(service, query.pretty, { 'X-Consul-ContentHash': service.ContentHash });
  },
});

/**
 * `PUT /v1/agent/service/register`: the same id again replaces it. All or nothing; answered when this agent's
 * readers can see it.
 *
 * Source: Consul HTTP API, "Register Service"; R1 to R6 (docs/consul.md).
 */
export const agentServiceRegister = route({
  method: 'PUT',
  path: '/v1/agent/service/register',
  summary: 'Register a service, or replace it',
  requestSchema: SERVICE_DEFINITION_SCHEMA,
  query: { 'replace-existing-checks': flagParam },
  body: parseJson,
  handler: async ({ body, query, view, site }) => {
    const { service, checks } = parseService(body, { node: view.node });
    checks.forEach(rejectScriptCheck);
    const replaceChecks = query['replace-existing-checks'];
    await site.agent.execute({ kind: 'registerService', service, checks, replaceChecks, fromFile: false });
  },
});

/** `PUT /v1/agent/service/deregister/:id`: with its checks. */
export const agentServiceDeregister = route({
  method: 'PUT',
  path: '/v1/agent/service/deregister/:id...',
  summary: 'Remove a service with its checks',
  legacyGetWrite: true,
  handler: async ({ params, view, site }) => {
    const id = requireValue(params.id, 'service ID');
    requireService(view.local, id);
    await site.agent.execute({ kind: 'deregisterService', id });
  },
});

/** `PUT /v1/agent/service/maintenance/:id`: a critical check by an operator's word, or its end. */
export const agentServiceMaintenance = route({
  method: 'PUT',
  path: '/v1/agent/service/maintenance/:id...',
  summary: 'Take a service out by an operator’s word, or put it back',
  query: { enable: requiredFlagParam, reason: textParam },
  handler: async ({ params, query: { enable, reason }, view, site }) => {
    const service = requireValue(params.id, 'service ID');
    requireService(view.local, service);
    await site.agent.execute({ kind: 'maintenance', service, on: enable, reason });
  },
});

/** `PUT /v1/agent/maintenance`: takes every service of this node out, or back in. */
export const agentMaintenance = route({
  method: 'PUT',
  path: '/v1/agent/maintenance',
  summary: 'Take every service of this node out, or put them back',
  query: { enable: requiredFlagParam, reason: textParam },
  handler: async ({ query: { enable, reason }, site }) => {
    await site.agent.execute({ kind: 'maintenance', on: enable, reason });
  },
});

/** The hash is of all that is shown beside it. */
function serviceWithHash(
  site: Site,
  id: string,
): (ConsulAgentService & { readonly ContentHash: string }) | undefined {
  const held = site.agent.view.local.services().get(id);
  if (held === undefined) return undefined;
  const shape = toConsulAgentService(held.definition, site);
  const hash = createHash('sha256').update(JSON.stringify(shape)).digest('hex');
  return { ...shape, ContentHash: hash.slice(0, 16) };
}
