/**
 * `/v1/catalog/register` and `deregister`: nodes that are no members. The agent that takes a registration owns it: it
 * runs its checks, keeps it over restarts, and alone may change it while it is alive. Members register their own
 * services with the agent on them, and the refusals name it.
 *
 * Source: Consul HTTP API, "Register Entity", "Deregister Entity"; A43 (docs/replication.md).
 */
import type { SavedCommand } from '../../../agent/contract/commands.ts';
import { AgentError } from '../../../base/errors.ts';
import type { FieldNote } from '../../../checks/definition/definition.ts';
import { parseNodeRegistration } from '../../../checks/definition/node-registration.ts';
import { requireOwnCheck } from '../../../checks/definition/refusals.ts';
import type { LocalView } from '../../../checks/types.ts';
import { rejectScriptCheck, warnOfDeniedCheck } from '../../consul/requirements.ts';
import { parseJson } from '../../endpoint/body.ts';
import { flagParam } from '../../endpoint/query.ts';
import { HttpError } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { any, arrayOf, boolean, object, optionalField, recordOf, string } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';

/** `PUT /v1/catalog/register`: a node that is no member, with a service and checks; what it had before stays. */
export const catalogRegister = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/catalog/register',
  summary: 'Register a node that is no member, with a service and checks',
  requestSchema: object({
    Node: string,
    Address: string,
    ID: optionalField(string),
    TaggedAddresses: optionalField(recordOf(string)),
    NodeMeta: optionalField(recordOf(string)),
    Service: optionalField(any),
    Check: optionalField(any),
    Checks: optionalField(arrayOf(any)),
    SkipNodeUpdate: optionalField(boolean),
  }),
  responseSchema: boolean,
  body: parseJson,
  handler: async ({ body, site, change, warn }) => {
    const onNote = ({ message }: FieldNote): void => warn(message);
    const { datacenter, ...registration } = parseNodeRegistration(body, { onNote });
    const { name } = registration.node;
    if (datacenter !== '' && datacenter.toLowerCase() !== site.info.datacenter.toLowerCase())
      throw new AgentError('failed', 'No path to datacenter');
    requireExternal(name, site);
    const known = site.agent.view.catalog.externalNode(name);
    if (registration.keepNode && known === undefined && registration.node.address === '')
      throw new AgentError('badRequest', 'Must provide node and address');
    const definitions = registration.checks.map(({ definition }) => definition);
    definitions.forEach(rejectScriptCheck);
    warnOfDeniedCheck(site, definitions, warn);
    await change({ kind: 'registerNode', registration });
    return true;
  },
});

/** Refused in fewer than 80 characters, which node-consul shows. */
function requireExternal(node: string, { agent: { view } }: Site): void {
  const member = view.member(node);
  if (member !== undefined && member.status !== 'left')
    throw new HttpError(501, 'the node is a member: it registers its own services', {
      'X-Hearsay-Instead': 'Register with the agent on that host (PUT /v1/agent/service/register)',
    });
  const known = view.catalog.externalNode(node);
  if (known !== undefined && known.owner !== view.node && known.up)
    throw new HttpError(409, `another agent has this node: ${known.owner}`.slice(0, 79), {
      'X-Hearsay-Instead': 'Send it to that agent; when it is away, this one takes the node over',
    });
}

/**
 * `PUT /v1/catalog/deregister`: `true` also if nothing matched. What other agents own is refused with their names, but for a whole
 * external node with `?owner`.
 */
export const catalogDeregister = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/catalog/deregister',
  summary: 'Remove an external node of this agent, or a service or check of it or of this node',
  query: { owner: flagParam },
  requestSchema: object({ Node: string, ServiceID: optionalField(string), CheckID: optionalField(string) }),
  responseSchema: boolean,
  body: parseJson,
  handler: async ({ body, query: { owner: anyOwner }, view, change }) => {
    const fields = nonEmptyFields(body);
    const [node, service, check] = ['node', 'serviceid', 'checkid'].map((name) => fields.get(name));
    if (node === undefined) throw new AgentError('badRequest', 'Missing node');
    const what = { ...(service !== undefined && { service }), ...(check !== undefined && { check }) };
    const isWhole = service === undefined && check === undefined;
    const member = view.member(node);
    if (member === undefined) {
      const owner = view.catalog.externalNode(node)?.owner ?? view.node;
      if (owner !== view.node && !(anyOwner && isWhole))
        throw ownedElsewhere(owner, { Node: node, ServiceID: service, CheckID: check });
      await change({ kind: 'deregisterNode', node, ...what, ...(anyOwner && isWhole && { anyOwner }) });
      return true;
    }
    if (node.toLowerCase() === view.node.toLowerCase() && !isWhole) {
      await change(ownRemoval(view.local, service, check) ?? { kind: 'deregisterNode', node, ...what });
      return true;
    }
    const instances = view.catalog.node(member.name)?.instances ?? [];
    if (service !== undefined && !instances.some((one) => one.service.id === service)) return true;
    throw new AgentError(
      'unavailable',
      `${member.name} owns its entries: deregister them with the agent there (PUT /v1/agent/service/deregister/:id); remove a failed node with force-leave`,
    );
  },
});

/**
 * The command that removes a service or check of this agent; `undefined`: there is none. Then one that removes nothing is
 * sent in its place: an earlier removal may not be stored yet, and its repetition waits for that, too.
 */
function ownRemoval(
  local: LocalView,
  service: string | undefined,
  check: string | undefined,
): SavedCommand | undefined {
  if (service !== undefined)
    return local.services().has(service) ? { kind: 'deregisterService', id: service } : undefined;
  if (check === undefined) return undefined;
  requireOwnCheck(check);
  return local.checks().has(check) ? { kind: 'deregisterCheck', id: check } : undefined;
}

/** One agent alone changes what is on its external nodes; any agent can remove a whole one. */
function ownedElsewhere(owner: string, body: Readonly<Record<string, string | undefined>>): HttpError {
  const isWhole = body['ServiceID'] === undefined && body['CheckID'] === undefined;
  const json = JSON.stringify(body).replace(
    /[^ -~]|'/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new HttpError(409, `another agent has this node: ${owner}`.slice(0, 79), {
    'X-Hearsay-Instead': isWhole
      ? 'Add ?owner to remove the node here, also while that agent is away'
      : `On the host of that agent: curl -X PUT http://127.0.0.1:8500/v1/catalog/deregister -d '${json}'`,
  });
}

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
