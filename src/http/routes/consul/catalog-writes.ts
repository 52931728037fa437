/**
 * `/v1/catalog/register` and `deregister`. Each entry has one owner, the agent it is registered with, which runs its
 * checks and removes it when it leaves. No other agent may write it, and the refusals name the one that may.
 *
 * Source: Consul HTTP API, "Register Entity", "Deregister Entity".
 */
import { AgentError } from '../../../base/errors.ts';
import { requireOwnCheck } from '../../../checks/definition/refusals.ts';
import { parseJson } from '../../endpoint/body.ts';
import { HttpError } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { boolean, object, optionalField, string } from '../../endpoint/schema.ts';

/** `PUT /v1/catalog/register`: always refused, but an invalid body is reported first. */
export const catalogRegister = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/catalog/register',
  summary: 'Refused: an instance belongs to the agent it is registered with',
  requestSchema: object({ Node: string, Address: string }),
  body: parseJson,
  handler: ({ body }) => {
    const fields = nonEmptyFields(body);
    const isKnown = hasTrue(body, 'skipnodeupdate');
    if (fields.get('node') === undefined || (fields.get('address') === undefined && !isKnown))
      throw new AgentError('badRequest', 'Must provide node and address');
    throw new HttpError(501, 'catalog/register is not offered: an agent owns each entry', {
      'X-Hearsay-Instead':
        'Register with the agent on that host (PUT /v1/agent/service/register); for a host that has none register here, with its Address and a check of it',
    });
  },
});

/**
 * `PUT /v1/catalog/deregister`: `true` also if nothing matched. Entries of other owners are refused with their names.
 */
export const catalogDeregister = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/catalog/deregister',
  summary: 'Remove a service or check of this agent; those of others are refused',
  requestSchema: object({ Node: string, ServiceID: optionalField(string), CheckID: optionalField(string) }),
  responseSchema: boolean,
  body: parseJson,
  handler: async ({ body, view, change }) => {
    const fields = nonEmptyFields(body);
    const [node, service, check] = ['node', 'serviceid', 'checkid'].map((name) => fields.get(name));
    if (node === undefined) throw new AgentError('badRequest', 'Missing node');
    const isSelf = node.toLowerCase() === view.node.toLowerCase();
    if (isSelf && service !== undefined) {
      if (view.local.services().has(service)) await change({ kind: 'deregisterService', id: service });
      return true;
    }
    if (isSelf && check !== undefined) {
      requireOwnCheck(check);
      if (view.local.checks().has(check)) await change({ kind: 'deregisterCheck', id: check });
      return true;
    }
    const member = view.member(node);
    if (member === undefined) return true;
    const instances = view.catalog.node(member.name)?.instances ?? [];
    if (service !== undefined && !instances.some((one) => one.service.id === service)) return true;
    throw new AgentError(
      'unavailable',
      `${member.name} owns its entries: deregister them with the agent there (PUT /v1/agent/service/deregister/:id); remove a failed node with force-leave`,
    );
  },
});

/**
 * The strings of an object that are not empty; names match in any case and without `_`. Source: J1 to J3
 * (docs/consul.md).
 */
function nonEmptyFields(body: unknown): ReadonlyMap<string, string> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new AgentError('badRequest', 'Request decode failed: json: the body must be an object');
  return new Map(
    Object.entries(body).flatMap(([key, value]) =>
      typeof value === 'string' && value !== '' ? [[key.toLowerCase().replaceAll('_', ''), value]] : [],
    ),
  );
}

const hasTrue = (body: unknown, name: string): boolean =>
  Object.entries(body as object).some(
    ([key, value]) => key.toLowerCase().replaceAll('_', '') === name && value === true,
  );
