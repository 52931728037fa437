/** `/v1/agent/health/service`: the health of what is registered here as an HTTP status, for load balancers. */
import { aggregated, localChecks } from '../../consul/checks.ts';
import { SERVICE_HEALTH } from '../../consul/schemas.ts';
import { agentServiceShape } from '../../consul/services.ts';
import type { AgentServiceShape, CheckShape } from '../../consul/types.ts';
import { presence, text } from '../../endpoint/query.ts';
import { json, plain, type Reply } from '../../endpoint/reply/reply.ts';
import { type Ask, route } from '../../endpoint/route.ts';
import { list } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { required } from '../../pool/selectors.ts';

/** One service with the checks that count for it: its own and those of the node. */
interface Health {
  readonly AggregatedStatus: Status;
  readonly Service: AgentServiceShape;
  readonly Checks: readonly CheckShape[];
}

type Status = ReturnType<typeof aggregated>;

const FORM = { format: text, pretty: presence };

/** From bad to good. Source: http.md section 8. */
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
  shows: SERVICE_HEALTH,
  query: FORM,
  answer: (ask) => {
    const id = required(ask.params.id, 'service ID');
    const [health] = healthOf(ask.site, (service) => service.ID === id);
    if (health !== undefined) return reply(ask, health.AggregatedStatus, health);
    const nothing = { AggregatedStatus: 'critical', Service: null, Checks: null };
    return unknown(ask, `ServiceId ${id} not found`, nothing);
  },
});

/** `GET /v1/agent/health/service/name/:name`: all instances of that name here; the worst decides. */
export const agentHealthName = route({
  method: 'GET',
  path: '/v1/agent/health/service/name/:name...',
  summary: 'Health of all instances of a name here: the worst decides',
  shows: list(SERVICE_HEALTH),
  query: FORM,
  answer: (ask) => {
    const name = required(ask.params.name, 'service name').toLowerCase();
    const all = healthOf(ask.site, ({ Service }) => Service.toLowerCase() === name);
    const worst = STATUSES.find(([status]) => all.some((one) => one.AggregatedStatus === status));
    if (worst === undefined) return unknown(ask, `ServiceName ${ask.params.name} not found`, []);
    return reply(ask, worst[0], all);
  },
});

function healthOf(site: Site, wanted: (service: AgentServiceShape) => boolean): Health[] {
  const checks = localChecks(site);
  return [...site.door.view.local.services().values()]
    .map(({ definition }) => agentServiceShape(definition, site))
    .filter(wanted)
    .map((service) => {
      const counting = checks.filter(({ ServiceID }) => ServiceID === service.ID || ServiceID === '');
      return { AggregatedStatus: aggregated(counting), Service: service, Checks: counting };
    });
}

type Asked = Pick<Ask<string, typeof FORM>, 'query' | 'header'>;

function reply(ask: Asked, status: Status, value: unknown): Reply {
  const code = STATUSES.find(([one]) => one === status)?.[1] ?? 503;
  const headers = { 'X-Consul-Reason': status };
  return wantsText(ask) ? plain(code, status, headers) : json(value, ask.query.pretty, headers, code);
}

function unknown(ask: Asked, sentence: string, value: unknown): Reply {
  const headers = { 'X-Consul-Index': '1' };
  return wantsText(ask) ? plain(404, sentence, headers) : json(value, ask.query.pretty, headers, 404);
}

/** Source: Consul agent_endpoint.go, returnTextPlain: the parameter decides before the header. */
const wantsText = ({ query, header }: Asked): boolean =>
  query.format === '' ? (header('accept') ?? '').startsWith('text/plain') : query.format === 'text';
