/** `/v1/agent/health/service`: the health of what is registered here as an HTTP status, for load balancers. */
import { aggregateStatus, localChecks } from '../../consul/checks.ts';
import type { ConsulAgentService, ConsulHealthCheck } from '../../consul/schemas.ts';
import { SERVICE_HEALTH_SCHEMA } from '../../consul/schemas.ts';
import { toConsulAgentService } from '../../consul/services.ts';
import { presenceParam, textParam } from '../../endpoint/query.ts';
import { type HttpReply, jsonReply, textReply } from '../../endpoint/reply/reply.ts';
import { type RouteContext, route } from '../../endpoint/route.ts';
import { arrayOf } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { requireValue } from '../../pool/selectors.ts';

/** One service with the checks that count for it: its own and those of the node. */
interface LocalServiceHealth {
  readonly AggregatedStatus: Status;
  readonly Service: ConsulAgentService;
  readonly Checks: readonly ConsulHealthCheck[];
}

type Status = ReturnType<typeof aggregateStatus>;

const FORMAT_PARAMS = { format: textParam, pretty: presenceParam };

/** From bad to good. Source: Consul HTTP API, "Get local service health". */
const STATUSES: readonly (readonly [Status, number])[] = [
  ['maintenance', 503],
  ['critical', 503],
  ['warning', 429],
  ['passing', 200],
];

/** `GET /v1/agent/health/service/id/:id`: 200 passing, 429 warning, 503 critical or in maintenance. */
export const agentHealthId = route({
  method: 'GET',
  path: '/v1/agent/health/service/id/:id...',
  summary: 'Health of a service here as a status: 200, 429 in warning, 503',
  responseSchema: SERVICE_HEALTH_SCHEMA,
  query: FORMAT_PARAMS,
  handler: (ask) => {
    const id = requireValue(ask.params.id, 'service ID');
    const [health] = localServiceHealth(ask.site, (service) => service.ID === id);
    if (health !== undefined) return healthReply(ask, health.AggregatedStatus, health);
    const nothing = { AggregatedStatus: 'critical', Service: null, Checks: null };
    return notFoundReply(ask, `ServiceId ${id} not found`, nothing);
  },
});

/** `GET /v1/agent/health/service/name/:name`: all instances of that name here; the worst decides. */
export const agentHealthName = route({
  method: 'GET',
  path: '/v1/agent/health/service/name/:name...',
  summary: 'Health of all instances of a name here: the worst decides',
  responseSchema: arrayOf(SERVICE_HEALTH_SCHEMA),
  query: FORMAT_PARAMS,
  handler: (ask) => {
    const name = requireValue(ask.params.name, 'service name').toLowerCase();
    const all = localServiceHealth(ask.site, ({ Service }) => Service.toLowerCase() === name);
    const worst = STATUSES.find(([status]) => all.some((one) => one.AggregatedStatus === status));
    if (worst === undefined) return notFoundReply(ask, `ServiceName ${ask.params.name} not found`, []);
    return healthReply(ask, worst[0], all);
  },
});

function localServiceHealth(
  site: Site,
  wanted: (service: ConsulAgentService) => boolean,
): LocalServiceHealth[] {
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

function healthReply(ask: FormatContext, status: Status, value: unknown): HttpReply {
  const code = STATUSES.find(([one]) => one === status)?.[1] ?? 503;
  const headers = { 'X-Consul-Reason': status };
  return wantsText(ask)
    ? textReply(code, status, headers)
    : jsonReply(value, ask.query.pretty, headers, code);
}

function notFoundReply(ask: FormatContext, sentence: string, value: unknown): HttpReply {
  const headers = { 'X-Consul-Index': '1' };
  return wantsText(ask)
    ? textReply(404, sentence, headers)
    : jsonReply(value, ask.query.pretty, headers, 404);
}

/** Source: Consul agent_endpoint.go, returnTextPlain: the parameter decides before the header. */
const wantsText = ({ query, header }: FormatContext): boolean =>
  query.format === '' ? (header('accept') ?? '').startsWith('text/plain') : query.format === 'text';
