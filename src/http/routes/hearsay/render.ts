/**
 * `/v1/hearsay/render`: the usable instances of services as documents that proxies read. A partition does not empty a list
 * unless `empty=allow` is given; the header `X-Hearsay-Kept` says so.
 */
import type { Topic } from '../../../agent/contract/view.ts';
import { AgentError } from '../../../base/errors.ts';
import { type ParamParser, presenceParam } from '../../endpoint/query.ts';
import { requireReady } from '../../endpoint/readiness.ts';
import { contentHash, createEtag, hasEtag } from '../../endpoint/reply/etag.ts';
import { HttpReply, jsonReply, type ReplyHeaders } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import type { Site } from '../../endpoint/site.ts';
import { caddyUpstreamsSchema, renderCaddy } from '../../hearsay/render/caddy.ts';
import {
  discoveryRequestSchema,
  discoveryResponseSchema,
  parseDiscoveryRequest,
  renderEnvoy,
} from '../../hearsay/render/envoy.ts';
import { type ProxyService, readProxyService } from '../../hearsay/render/proxy-service.ts';
import { renderTraefik, traefikSchema, type UrlScheme } from '../../hearsay/render/traefik.ts';
import { serviceTopics } from '../../pool/topics.ts';

const MAX_SERVICES = 256;
const SCHEMES: readonly UrlScheme[] = ['http', 'https', 'h2c'];

/** Each name once; at least one. */
const servicesParam: ParamParser<readonly string[]> = (values) =>
  requireServices(values, 'add ?service=NAME');

const oneServiceParam: ParamParser<string> = (values, name) => {
  const [service = '', ...more] = servicesParam(values, name);
  if (more.length === 0) return service;
  throw new AgentError('badRequest', 'Name one service: a list of upstreams belongs to one handler');
};

const emptyParam: ParamParser<boolean> = ([value]) => {
  if (value === undefined || value === 'allow') return value === 'allow';
  throw new AgentError('badRequest', 'Invalid value for empty: use allow, or leave it out');
};

const schemeParam: ParamParser<UrlScheme> = ([value = 'http']) => {
  const scheme = SCHEMES.find((one) => one === value);
  if (scheme !== undefined) return scheme;
  throw new AgentError('badRequest', `Invalid scheme: use one of ${SCHEMES.join(', ')}`);
};

const RENDER_PARAMS = { empty: emptyParam, pretty: presenceParam };

/** `GET /v1/hearsay/render/caddy?service=web`. */
export const renderForCaddy = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/render/caddy',
  summary: 'The usable instances of a service as the upstreams of Caddy',
  responseSchema: caddyUpstreamsSchema,
  query: { service: oneServiceParam, ...RENDER_PARAMS },
  watch: ({ query, site }) => renderTopics(site, [query.service]),
  uncacheable: true,
  isEmpty: hasNoTargets,
  handler: ({ query: { service, empty, pretty }, site, header }) => {
    const found = readProxyService(site, service, empty);
    return new RenderReply(renderCaddy(found), [found], { pretty, sent: header('if-none-match') });
  },
});

/** `GET /v1/hearsay/render/traefik?service=web&service=api`. */
export const renderForTraefik = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/render/traefik',
  summary: 'The usable instances of services for the HTTP provider of Traefik',
  responseSchema: traefikSchema,
  query: { service: servicesParam, scheme: schemeParam, ...RENDER_PARAMS },
  watch: ({ query, site }) => renderTopics(site, query.service),
  uncacheable: true,
  isEmpty: hasNoTargets,
  handler: ({ query: { service, scheme, empty, pretty }, site, header }) => {
    const found = service.map((name) => readProxyService(site, name, empty));
    return new RenderReply(renderTraefik(found, scheme), found, { pretty, sent: header('if-none-match') });
  },
});

/** `GET /v1/hearsay/render/envoy?service=web`: what Envoy gets by POST, for people and tests, and to wait for a change. */
export const renderForEnvoy = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/render/envoy',
  summary: 'The usable instances of services as a DiscoveryResponse of Envoy',
  responseSchema: discoveryResponseSchema,
  query: { service: servicesParam, ...RENDER_PARAMS },
  watch: ({ query, site }) => renderTopics(site, query.service),
  uncacheable: true,
  isEmpty: hasNoTargets,
  handler: ({ query: { service, empty, pretty }, site, header }) => {
    const found = service.map((name) => readProxyService(site, name, empty));
    const document = renderEnvoy(found, nonceOf(site, service));
    const hash = document.version_info;
    return new RenderReply(document, found, { pretty, hash, sent: header('if-none-match') });
  },
});

/**
 * `POST /v3/discovery:endpoints`: where Envoy sends its requests, which cannot be configured. 304 while it has the present
 * version: Envoy waits for an answer for a second only, so none is kept open.
 *
 * Source: Envoy, EndpointDiscoveryService.FetchEndpoints.
 */
export const discoverEndpoints = route({
  method: 'POST',
  scope: 'read',
  path: '/v3/discovery:endpoints',
  summary: 'Endpoint discovery (EDS) of Envoy by REST, version 3',
  body: parseDiscoveryRequest,
  requestSchema: discoveryRequestSchema,
  responseSchema: discoveryResponseSchema,
  handler: ({ body, view, site }) => {
    const services = requireServices(body.services, 'give the names of services in resource_names');
    const found = services.map((name) => readProxyService(site, name, false));
    const document = renderEnvoy(found, nonceOf(site, services));
    const hash = document.version_info;
    const reply = new RenderReply(document, found, { hash, sent: createEtag(body.version) });
    requireReady(view, '/v1/hearsay/render/envoy', hasNoTargets(reply));
    return reply;
  },
});

interface RenderReplyOptions {
  readonly pretty?: boolean;
  /** A hash of the content; by default that of the whole document. */
  readonly hash?: string;
  /** The entity tags that the client has. */
  readonly sent: string | undefined;
}

class RenderReply extends HttpReply {
  readonly targets: number;

  constructor(
    document: unknown,
    services: readonly ProxyService[],
    { pretty = false, hash, sent }: RenderReplyOptions,
  ) {
    const etag = createEtag(hash ?? contentHash(JSON.stringify(document)));
    const headers = { 'Cache-Control': 'no-cache', ETag: etag, ...keptHeaders(services) };
    const full = jsonReply(document, pretty, headers);
    const unchanged = hasEtag(sent, etag);
    super(unchanged ? 304 : 200, unchanged ? '' : full.body, unchanged ? headers : full.headers);
    this.targets = services.reduce((sum, { targets }) => sum + targets.length, 0);
  }
}

/** Names are not quoted: they may be what a header cannot say. */
function keptHeaders(services: readonly ProxyService[]): ReplyHeaders {
  const kept = services.filter(({ isKept }) => isKept).length;
  if (kept === 0) return {};
  const what = `${kept} of ${services.length} services`;
  return { 'X-Hearsay-Kept': `${what} would be empty by a partition, and stay as they were before it` };
}

function hasNoTargets(value: unknown): boolean {
  return value instanceof RenderReply && value.targets === 0;
}

/** A list that is empty depends on all nodes: they decide whether this is a partition. */
const renderTopics = (site: Site, services: readonly string[]): Topic[] => [
  ...services.flatMap((name) => serviceTopics(site, name)),
  ...(services.some((name) => site.agent.view.catalog.usable(name).length === 0) ? ['nodes' as const] : []),
];

const nonceOf = (site: Site, services: readonly string[]): string =>
  String(site.agent.view.indexOf(renderTopics(site, services)));

function requireServices(names: readonly string[], advice: string): readonly string[] {
  const services = [...new Set(names)];
  if (services.length === 0 || services.includes(''))
    throw new AgentError('badRequest', `Missing service name: ${advice}`);
  if (services.length <= MAX_SERVICES) return services;
  throw new AgentError('badRequest', `At most ${MAX_SERVICES} services at once: split the request`);
}
