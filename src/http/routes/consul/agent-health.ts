/** `/v1/agent/health/service`: the health of services registered here as an HTTP status, for load balancers. */
import { aggregateStatus, localChecks } from '../../consul/checks.ts';
import type { ConsulAgentService, ConsulServiceHealth } from '../../consul/schemas.ts';
import { SERVICE_HEALTH_SCHEMA } from '../../consul/schemas.ts';
import { toConsulAgentService } from '../../consul/services.ts';
import { presenceParam, textParam } from '../../endpoint/query.ts';
import { type HttpReply, jsonReply, textReply } from '../../endpoint/reply/reply.ts';
import { type RouteContext, route } from '../../endpoint/route.ts';
import { arrayOf } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { requireValue } from '../../pool/selectors.ts';

type Status = ConsulServiceHealth['AggregatedStatus'];

const FORMAT_PARAMS = { format: textParam, pretty: presenceParam };

/** HTTP statuses, from the worst health to the best. Source: Consul HTTP API, "Get local service health". */
const STATUSES: readonly (readonly [Status, number])[] = [
  ['maintenance', 503],
  ['critical', 503],
  ['warning', 429],
  ['passing', 200],
];

/** `GET /v1/agent/health/service/id/:id`: 200 passing, 429 warning, 503 critical or in maintenance. */
export const agentHealthId = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/agent/health/service/id/:id...',
  summary: 'Health of a service here as a status: 200, 429 in warning, 503',
  responseSchema: SERVICE_HEALTH_SCHEMA,
  query: FORMAT_PARAMS,
  handler: (context) => {
    const id = requireValue(context.params.id, 'service ID');
    const [health] = localServiceHealth(context.site, (service) => service.ID === id);
    if (health !== undefined) return healthReply(context, health.AggregatedStatus, health);
    const unknown = { AggregatedStatus: 'critical', Service: null, Checks: null };
    return notFoundReply(context, `ServiceId ${id} not found`, unknown);
  },
});

/** `GET /v1/agent/health/service/name/:name`: all instances of this name here; the worst status decides. */
export const agentHealthName = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/agent/health/service/name/:name...',
  summary: 'Health of all instances of a name here: the worst status decides',
  responseSchema: arrayOf(SERVICE_HEALTH_SCHEMA),
  query: FORMAT_PARAMS,
  handler: (context) => {
    const name = requireValue(context.params.name, 'service name').toLowerCase();
    const all = localServiceHealth(context.site, ({ Service }) => Service.toLowerCase() === name);
    const worst = STATUSES.find(([status]) => all.some((one) => one.AggregatedStatus === status));
    if (worst === undefined)
      return notFoundReply(context, `ServiceName ${context.params.name} not found`, []);
    return healthReply(context, worst[0], all);
  },
});

/** Each service with the checks that count for it: its own and those of the node. */
function localServiceHealth(
  site: Site,
  wanted: (service: ConsulAgentService) => boolean,
): ConsulServiceHealth[] {
  const checks = localChecks(site);
  return [...site.agent.view.local.services().values()]
    .map(({ definition }) => toConsulAgentService(definition, site))
    .filter(wanted)
    .map((service) => {
      const counting = checks.filter(({ ServiceID }) => ServiceID === service.ID || ServiceID === '');
      return { AggregatedStatus: aggregateStatus(counting), Service: service, Checks: counting };
    });
}

type FormatContext = Pick<RouteContext<string, typeof FORMAT_PARAMS>, 'query' | 'header'>;

function healthReply(context: FormatContext, status: Status, value: unknown): HttpReply {
  const code = STATUSES.find(([one]) => one === status)?.[1] ?? 503;
  const headers = { 'X-Consul-Reason': status };
  return wantsText(context)
    ? textReply(code, status, headers)
    : jsonReply(value, context.query.pretty, headers, code);
}

function notFoundReply(context: FormatContext, message: string, value: unknown): HttpReply {
  const headers = { 'X-Consul-Index': '1' };
  return wantsText(context)
    ? textReply(404, message, headers)
    : jsonReply(value, context.query.pretty, headers, 404);
}

/** The parameter takes precedence over the header. Source: Consul agent_endpoint.go, returnTextPlain. */
const wantsText = ({ query, header }: FormatContext): boolean =>
  query.format === '' ? (header('accept') ?? '').startsWith('text/plain') : query.format === 'text';
