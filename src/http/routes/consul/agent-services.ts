/** `/v1/agent/service*`: the services registered with this agent. Reads are local, writes are gossiped. */
import { createHash } from 'node:crypto';
import { type FieldNote, parseService } from '../../../checks/definition/definition.ts';
import { unknownServiceError } from '../../../checks/definition/refusals.ts';
import {
  rejectScriptCheck,
  requireService,
  warnOfDeniedCheck,
  warnOfTakenCheck,
} from '../../consul/requirements.ts';
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

/** `GET /v1/agent/services`: by id. The self service is not among them: it is not registered. */
export const agentServices = route({
  method: 'GET',
  scope: 'read',
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
 * `GET /v1/agent/service/:id`. With `hash` it waits while the content has this hash.
 *
 * Source: Consul HTTP API, "Blocking Queries", hash-based.
 */
export const agentService = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/agent/service/:id...',
  summary: 'A service registered here; `hash` waits until it changes',
  responseSchema: AGENT_SERVICE_SCHEMA,
  query: { hash: textParam, wait: waitParam, pretty: presenceParam },
  handler: async ({ params: { id }, query, view, site, onDisconnect }) => {
    requireValue(id, 'service ID');
    const unchanged = (): boolean => serviceWithHash(site, id)?.ContentHash === query.hash;
    await site.blockingQueries.waitWhile(unchanged, [`entries:${view.node}`], query.wait, onDisconnect);
    const service = serviceWithHash(site, id);
    if (service === undefined) throw unknownServiceError(id);
    return jsonReply(service, query.pretty, { 'X-Consul-ContentHash': service.ContentHash });
  },
});

/**
 * `PUT /v1/agent/service/register`: registers a service with its checks, all or nothing; an existing id is replaced.
 * The reply comes when readers of this agent can see it.
 *
 * Source: Consul HTTP API, "Register Service"; R1 to R6 (docs/consul.md).
 */
export const agentServiceRegister = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/agent/service/register',
  summary: 'Register a service, or replace it',
  requestSchema: SERVICE_DEFINITION_SCHEMA,
  query: { 'replace-existing-checks': flagParam },
  body: parseJson,
  handler: async ({ body, query, view, site, change, warn }) => {
    const onNote = ({ message }: FieldNote): void => warn(message);
    const { service, checks } = parseService(body, { node: view.node, onNote });
    checks.forEach(rejectScriptCheck);
    warnOfTakenCheck(view.local, checks, warn);
    warnOfDeniedCheck(site, checks, warn);
    const replaceChecks = query['replace-existing-checks'];
    await change({ kind: 'registerService', service, checks, replaceChecks });
  },
});

/** `PUT /v1/agent/service/deregister/:id`: removes a service with its checks. */
export const agentServiceDeregister = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/agent/service/deregister/:id...',
  summary: 'Remove a service with its checks',
  legacyGetWrite: true,
  handler: async ({ params, view, change }) => {
    const id = requireValue(params.id, 'service ID');
    requireService(view.local, id);
    await change({ kind: 'deregisterService', id });
  },
});

/** `PUT /v1/agent/service/maintenance/:id`: adds or removes a critical check by which clients exclude the service. */
export const agentServiceMaintenance = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/agent/service/maintenance/:id...',
  summary: 'Put a service into maintenance, or end it',
  query: { enable: requiredFlagParam, reason: textParam },
  handler: async ({ params, query: { enable, reason }, view, change }) => {
    const service = requireValue(params.id, 'service ID');
    requireService(view.local, service);
    await change({ kind: 'maintenance', service, on: enable, reason });
  },
});

/** `PUT /v1/agent/maintenance`: the same for all services of this node. */
export const agentMaintenance = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/agent/maintenance',
  summary: 'Put all services of this node into maintenance, or end it',
  query: { enable: requiredFlagParam, reason: textParam },
  handler: async ({ query: { enable, reason }, change }) => {
    await change({ kind: 'maintenance', on: enable, reason });
  },
});

/** The hash covers all other fields. */
function serviceWithHash(
  site: Site,
  id: string,
): (ConsulAgentService & { readonly ContentHash: string }) | undefined {
  const registered = site.agent.view.local.services().get(id);
  if (registered === undefined) return undefined;
  const service = toConsulAgentService(registered.definition, site);
  const hash = createHash('sha256').update(JSON.stringify(service)).digest('hex');
  return { ...service, ContentHash: hash.slice(0, 16) };
}
