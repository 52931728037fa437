/** `/v1/agent/check*`: checks of this agent, and what programs say of themselves. */

import * as v from 'valibot';
import { AgentError } from '../../../base/errors.ts';
import { parseCheck } from '../../../checks/definition/definition.ts';
import type { CheckStatus } from '../../../model/service.ts';
import { localChecks } from '../../consul/checks.ts';
import { noScript, ttlCheck, unknownCheck } from '../../consul/registration-errors.ts';
import { CHECK, CHECK_DEFINITION } from '../../consul/schemas.ts';
import { parseJson } from '../../endpoint/body.ts';
import { text } from '../../endpoint/query.ts';
import { type Route, route } from '../../endpoint/route.ts';
import { map, object, oneOf, optional, text as plainText } from '../../endpoint/schema.ts';
import { required } from '../../pool/selectors.ts';

/** `GET /v1/agent/checks`: by id, without `serfHealth`. */
export const agentChecks = route({
  method: 'GET',
  path: '/v1/agent/checks',
  summary: 'Checks registered here, by id',
  filters: CHECK,
  shows: map(CHECK),
  answer: ({ site, matches }) =>
    Object.fromEntries(
      localChecks(site)
        .filter(matches)
        .map((check) => [check.CheckID, check]),
    ),
});

/** `PUT /v1/agent/check/register`: of a service that is registered here, or of the node. */
export const agentCheckRegister = route({
  method: 'PUT',
  path: '/v1/agent/check/register',
  summary: 'Register a check of a service here, or of the node',
  takes: CHECK_DEFINITION,
  body: parseJson,
  act: async ({ body, view, site }) => {
    const check = parseCheck(body, { node: view.node });
    noScript(check);
    const { serviceId } = check;
    if (serviceId !== '' && !view.local.services().has(serviceId))
      throw new AgentError('notFound', `ServiceID ${JSON.stringify(serviceId)} does not exist`);
    await site.door.ask({ kind: 'registerCheck', check });
  },
});

/** `PUT /v1/agent/check/deregister/:id`. */
export const agentCheckDeregister = route({
  method: 'PUT',
  path: '/v1/agent/check/deregister/:id...',
  summary: 'Remove a check',
  oldClients: true,
  act: async ({ params, view, site }) => {
    const id = required(params.id, 'check ID');
    if (!view.local.checks().has(id)) throw unknownCheck(id);
    await site.door.ask({ kind: 'deregisterCheck', id });
  },
});

/** `PUT /v1/agent/check/pass/:id`: TTL checks only, as the next two. */
export const agentCheckPass = says('pass', 'passing');
export const agentCheckWarn = says('warn', 'warning');
export const agentCheckFail = says('fail', 'critical');

/** `PUT /v1/agent/check/update/:id`: the same with the status in the body, as Go's clients do it. */
export const agentCheckUpdate = route({
  method: 'PUT',
  path: '/v1/agent/check/update/:id...',
  summary: 'Say how a TTL check stands',
  takes: object({ Status: oneOf('passing', 'warning', 'critical'), Output: optional(plainText) }),
  body: v.object({
    Status: v.optional(v.string(), ''),
    Output: v.optional(v.string(), ''),
    // Said by clients for other editions; there is one of each here.
    Namespace: v.optional(v.unknown()),
    Partition: v.optional(v.unknown()),
    PeerName: v.optional(v.unknown()),
    Datacenter: v.optional(v.unknown()),
    Token: v.optional(v.unknown()),
  }),
  act: async ({ params, body: { Status: status, Output: output }, view, site }) => {
    const id = required(params.id, 'check ID');
    if (!isStatus(status))
      throw new AgentError('badRequest', `Invalid check status: ${JSON.stringify(status)}`);
    ttlCheck(view.local, id);
    await site.door.ask({ kind: 'updateCheck', id, status, output });
  },
});

function says(word: 'pass' | 'warn' | 'fail', status: CheckStatus): Route {
  return route({
    method: 'PUT',
    path: `/v1/agent/check/${word}/:id...`,
    summary: `Say that a TTL check is ${status}`,
    query: { note: text },
    oldClients: true,
    act: async ({ params, query: { note }, view, site }) => {
      const id = required(params.id, 'check ID');
      ttlCheck(view.local, id);
      await site.door.ask({ kind: 'updateCheck', id, status, output: note });
    },
  });
}

const isStatus = (status: string): status is CheckStatus =>
  status === 'passing' || status === 'warning' || status === 'critical';
