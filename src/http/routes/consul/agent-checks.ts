/** `/v1/agent/check*`: the checks of this agent, and updates of TTL checks. */

import * as v from 'valibot';
import { AgentError } from '../../../base/errors.ts';
import { type FieldNote, parseCheck } from '../../../checks/definition/definition.ts';
import { missingServiceError } from '../../../checks/definition/refusals.ts';
import type { CheckStatus } from '../../../model/service.ts';
import { localChecks } from '../../consul/checks.ts';
import {
  rejectScriptCheck,
  requireCheck,
  requireTtlCheck,
  warnOfDeniedCheck,
  warnOfTakenCheck,
} from '../../consul/requirements.ts';
import { CHECK_DEFINITION_SCHEMA, HEALTH_CHECK_SCHEMA } from '../../consul/schemas.ts';
import { parseJson } from '../../endpoint/body.ts';
import { textParam } from '../../endpoint/query.ts';
import { type Route, route } from '../../endpoint/route.ts';
import { object, oneOf, optionalField, recordOf, string } from '../../endpoint/schema.ts';
import { requireValue } from '../../pool/selectors.ts';

/** `GET /v1/agent/checks`: by id, without `serfHealth`. */
export const agentChecks = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/agent/checks',
  summary: 'Checks registered here, by id',
  filterSchema: HEALTH_CHECK_SCHEMA,
  responseSchema: recordOf(HEALTH_CHECK_SCHEMA),
  handler: ({ site, matches }) =>
    Object.fromEntries(
      localChecks(site)
        .filter(matches)
        .map((check) => [check.CheckID, check]),
    ),
});

/** `PUT /v1/agent/check/register`: a check of a service that is registered here, or of the node. */
export const agentCheckRegister = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/agent/check/register',
  summary: 'Register a check of a service here, or of the node',
  requestSchema: CHECK_DEFINITION_SCHEMA,
  body: parseJson,
  handler: async ({ body, view, site, change, warn }) => {
    const onNote = ({ message }: FieldNote): void => warn(message);
    const check = parseCheck(body, { node: view.node, onNote });
    rejectScriptCheck(check);
    const { serviceId } = check;
    if (serviceId !== '' && !view.local.services().has(serviceId)) throw missingServiceError(serviceId);
    warnOfTakenCheck(view.local, [check], warn);
    warnOfDeniedCheck(site, [check], warn);
    await change({ kind: 'registerCheck', check });
  },
});

/** `PUT /v1/agent/check/deregister/:id`. */
export const agentCheckDeregister = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/agent/check/deregister/:id...',
  summary: 'Remove a check',
  legacyGetWrite: true,
  handler: async ({ params, view, change }) => {
    const id = requireValue(params.id, 'check ID');
    requireCheck(view.local, id);
    await change({ kind: 'deregisterCheck', id });
  },
});

/** `PUT /v1/agent/check/pass/:id`, `warn` and `fail`: for TTL checks only. */
export const agentCheckPass = ttlUpdateRoute('pass', 'passing');
export const agentCheckWarn = ttlUpdateRoute('warn', 'warning');
export const agentCheckFail = ttlUpdateRoute('fail', 'critical');

/** `PUT /v1/agent/check/update/:id`: the same with the status in the body, as Go's clients send it. */
export const agentCheckUpdate = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/agent/check/update/:id...',
  summary: 'Update a TTL check',
  requestSchema: object({
    Status: oneOf('passing', 'warning', 'critical'),
    Output: optionalField(string),
  }),
  body: v.object({
    Status: v.optional(v.string(), ''),
    Output: v.optional(v.string(), ''),
    // Clients send these for other editions of Consul; they are ignored.
    Namespace: v.optional(v.unknown()),
    Partition: v.optional(v.unknown()),
    PeerName: v.optional(v.unknown()),
    Datacenter: v.optional(v.unknown()),
    Token: v.optional(v.unknown()),
  }),
  handler: async ({ params, body: { Status: status, Output: output }, view, change }) => {
    const id = requireValue(params.id, 'check ID');
    if (!isStatus(status))
      throw new AgentError('badRequest', `Invalid check status: ${JSON.stringify(status)}`);
    requireTtlCheck(view.local, id);
    await change({ kind: 'updateCheck', id, status, output });
  },
});

function ttlUpdateRoute(verb: 'pass' | 'warn' | 'fail', status: CheckStatus): Route {
  return route({
    method: 'PUT',
    scope: 'register',
    path: `/v1/agent/check/${verb}/:id...`,
    summary: `Update a TTL check to ${status}`,
    query: { note: textParam },
    legacyGetWrite: true,
    handler: async ({ params, query: { note }, view, change }) => {
      const id = requireValue(params.id, 'check ID');
      requireTtlCheck(view.local, id);
      await change({ kind: 'updateCheck', id, status, output: note });
    },
  });
}

const isStatus = (status: string): status is CheckStatus =>
  status === 'passing' || status === 'warning' || status === 'critical';
