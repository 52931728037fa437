/**
 * `/v1/catalog/register` and `deregister`. Every entry here has one owner, the agent it is registered with, which
 * checks it and takes it along when it leaves: nobody else may write it, and the refusals say who may.
 *
 * Source: Consul HTTP API, "Register Entity", "Deregister Entity".
 */
import { AgentError } from '../../../base/errors.ts';
import { parseJson } from '../../endpoint/body.ts';
import { route } from '../../endpoint/route.ts';
import { boolean, object, optionalField, string } from '../../endpoint/schema.ts';

/** Always refused, after the body was judged: programs learn of their own mistakes first. */
export const catalogRegister = route({
  method: 'PUT',
  path: '/v1/catalog/register',
  summary: 'Refused: an instance belongs to the agent it is registered with',
  requestSchema: object({ Node: string, Address: string }),
  body: parseJson,
  handler: ({ body }) => {
    const fields = nonEmptyFields(body);
    if (fields.get('node') === undefined || fields.get('address') === undefined)
      throw new AgentError('badRequest', 'Must provide node and address');
    throw new AgentError(
      'unavailable',
      'catalog/register is not offered: register with the agent on that host (PUT /v1/agent/service/register); for a host that has none, register here, with its Address and a check of it',
    );
  },
});

/** 200 and `true` also when nothing matched. What this agent owns it removes; what another owns it names. */
export const catalogDeregister = route({
  method: 'PUT',
  path: '/v1/catalog/deregister',
  summary: 'Remove a service or check of this agent; those of others are refused',
  requestSchema: object({ Node: string, ServiceID: optionalField(string), CheckID: optionalField(string) }),
  responseSchema: boolean,
  body: parseJson,
  handler: async ({ body, view, site }) => {
    const fields = nonEmptyFields(body);
    const [node, service, check] = ['node', 'serviceid', 'checkid'].map((name) => fields.get(name));
    if (node === undefined) throw new AgentError('badRequest', 'Missing node');
    const own = node.toLowerCase() === view.node.toLowerCase();
    if (own && service !== undefined) {
      if (view.local.services().has(service))
        await site.agent.execute({ kind: 'deregisterService', id: service });
      return true;
    }
    if (own && check !== undefined) {
      if (view.local.checks().has(check)) await site.agent.execute({ kind: 'deregisterCheck', id: check });
      return true;
    }
    const member = view.member(node);
    if (member === undefined) return true;
    const held = view.catalog.node(member.name);
    if (service !== undefined && held?.instances.some((one) => one.service.id === service) !== true)
      return true;
    throw new AgentError(
      'unavailable',
      `${member.name} owns what it has: deregister it with the agent there (PUT /v1/agent/service/deregister/:id); a node that has failed goes with force-leave`,
    );
  },
});

/** Texts that are not empty, by names without regard to case and `_`. Source: J1 to J3 (docs/consul.md). */
function nonEmptyFields(body: unknown): ReadonlyMap<string, string> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new AgentError('badRequest', 'Request decode failed: json: the body must be an object');
  return new Map(
    Object.entries(body).flatMap(([key, value]) =>
      typeof value === 'string' && value !== '' ? [[key.toLowerCase().replaceAll('_', ''), value]] : [],
    ),
  );
}
