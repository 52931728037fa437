/**
 * `/v1/hearsay/why`: explains why instances are in or out of results, or why a member has its status. Field names are
 * a contract.
 */
import { AgentError } from '../../../base/errors.ts';
import type { Millis } from '../../../base/time.ts';
import { SERVICE_ENTRY_SCHEMA } from '../../consul/schemas.ts';
import {
  durationParam,
  flagParam,
  listParam,
  type ParamParser,
  pairsParam,
  textParam,
} from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import {
  any,
  arrayOf,
  boolean,
  nullable,
  number,
  object,
  optionalField,
  string,
} from '../../endpoint/schema.ts';
import { explainNode } from '../../hearsay/why-node.ts';
import {
  explainInstance,
  explainNoInstances,
  INSTANCE_REPORT_SCHEMA,
  MEMBER_WITHOUT_SERVICES_SCHEMA,
  membersWithoutServices,
} from '../../hearsay/why-service.ts';
import { serviceInstances } from '../../pool/pool.ts';
import { requireValue } from '../../pool/selectors.ts';
import { serviceTopics } from '../../pool/topics.ts';

/**
 * `GET /v1/hearsay/why?service=web`. It takes the parameters of `health/service` as well, and reports what they
 * exclude. Without an instance to report on, `membersWithoutServices` lists the members of which this agent knows no
 * service.
 */
export const hearsayWhy = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/why',
  summary: 'Why each instance of a service is in or out of results',
  query: {
    service: textParam,
    id: textParam,
    tag: listParam,
    passing: flagParam,
    'node-meta': pairsParam,
    peer: textParam,
  },
  filterSchema: SERVICE_ENTRY_SCHEMA,
  responseSchema: object({
    service: string,
    summary: string,
    instances: arrayOf(INSTANCE_REPORT_SCHEMA),
    membersWithoutServices: arrayOf(MEMBER_WITHOUT_SERVICES_SCHEMA),
  }),
  watch: ({ query, site }) => [...serviceTopics(site, query.service), 'nodes'],
  isEmpty: (value) => (value as { readonly instances: readonly unknown[] }).instances.length === 0,
  uncacheable: true,
  handler: ({ query: { id, ...query }, site, matches }) => {
    const service = requireValue(query.service, 'service name');
    const instances = serviceInstances(site, service, new Map())
      .filter(({ instance }) => id === '' || instance.service.id === id)
      .map((one) => explainInstance(one, site, { ...query, matches }));
    const usable = instances.filter(({ answers }) => answers.usable && answers.query).length;
    return {
      service,
      summary:
        instances.length === 0
          ? explainNoInstances(site, service, id)
          : `${usable} of ${instances.length} in results`,
      instances,
      membersWithoutServices: instances.length === 0 ? membersWithoutServices(site) : [],
    };
  },
});

/** Fields beside these depend on the kind of fact. */
const EVIDENCE_ENTRY_SCHEMA = object({
  at: string,
  agoMs: number,
  observer: string,
  message: string,
  kind: string,
  count: optionalField(number),
  lastAt: optionalField(string),
  ...Object.fromEntries(
    ['node', 'by', 'source', 'current', 'previous', 'claimed', 'address', 'other', 'status'].map((name) => [
      name,
      optionalField(string),
    ]),
  ),
  ...Object.fromEntries(
    [
      ...['incarnation', 'deadlineMs', 'untilMs', 'confirmations', 'rounds', 'latenessMs'],
      ...['awareness', 'votesForUs', 'votesAgainst', 'ltime'],
    ].map((name) => [name, optionalField(number)]),
  ),
  left: optionalField(boolean),
  encrypted: optionalField(boolean),
  reason: optionalField(any),
});

/** True if it is absent. */
const askParam: ParamParser<boolean> = (values, name) => values.length === 0 || flagParam(values, name);

const DEFAULT_WITNESS_TIMEOUT: Millis = 1000;

function validateWitnessTimeout(timeout: Millis): Millis {
  if (timeout < 10 || timeout > 10_000) throw new AgentError('badRequest', 'the timeout must be 10ms to 10s');
  return timeout;
}

/** `GET /v1/hearsay/why/:node`: why a member has the status it has, as this agent and its witnesses saw it. */
export const hearsayWhyNode = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/why/:node...',
  summary: 'Why a member is alive, suspect or failed: the evidence in order, and a diagnosis',
  query: { ask: askParam, timeout: durationParam },
  responseSchema: object({
    node: string,
    status: nullable(string),
    diagnosis: string,
    finding: string,
    accusation: nullable(string),
    cause: nullable(string),
    witnesses: nullable(
      object({ answered: arrayOf(string), unreadable: arrayOf(string), error: nullable(string) }),
    ),
    dropped: number,
    evidence: arrayOf(EVIDENCE_ENTRY_SCHEMA),
  }),
  handler: ({ params, query: { ask, timeout }, site, onDisconnect }) =>
    explainNode(
      site,
      requireValue(params.node, 'node name'),
      ask ? validateWitnessTimeout(timeout ?? DEFAULT_WITNESS_TIMEOUT) : undefined,
      onDisconnect,
    ),
});
