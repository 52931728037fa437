/**
 * Endpoints of Consul's service mesh, of which there is none: empty lists. They block, so that clients do not poll
 * without pause.
 */
import { CATALOG_SERVICE_SCHEMA, SERVICE_ENTRY_SCHEMA } from '../../consul/schemas.ts';
import { type PathParams, type Route, route } from '../../endpoint/route.ts';
import { arrayOf, object, type Schema } from '../../endpoint/schema.ts';
import { serviceTopics } from '../../pool/topics.ts';

const NO_MESH = 'Nothing: there is no mesh';
const NO_GATEWAYS = 'Nothing: there are no gateways';

/** `GET /v1/catalog/connect/:service`. */
export const catalogConnect = emptyRoute(
  '/v1/catalog/connect/:service...',
  NO_MESH,
  CATALOG_SERVICE_SCHEMA,
  ({ service }) => service,
);

/** `GET /v1/catalog/gateway-services/:gateway`. */
export const catalogGatewayServices = emptyRoute(
  '/v1/catalog/gateway-services/:gateway...',
  NO_GATEWAYS,
  object({}),
  ({ gateway }) => gateway,
);

/** `GET /v1/health/connect/:service`. */
export const healthConnect = emptyRoute(
  '/v1/health/connect/:service...',
  NO_MESH,
  SERVICE_ENTRY_SCHEMA,
  ({ service }) => service,
);

/** `GET /v1/health/ingress/:service`. */
export const healthIngress = emptyRoute(
  '/v1/health/ingress/:service...',
  NO_GATEWAYS,
  SERVICE_ENTRY_SCHEMA,
  ({ service }) => service,
);

function emptyRoute<const P extends string>(
  path: P,
  summary: string,
  element: Schema,
  serviceName: (params: PathParams<P>) => string,
): Route {
  return route({
    method: 'GET',
    scope: 'read',
    path,
    summary,
    responseSchema: arrayOf(element),
    watch: ({ params, site }) => serviceTopics(site, serviceName(params)),
    handler: () => [],
  });
}
