/**
 * Envoy: endpoint discovery (EDS) by REST, version 3: what `api_type: REST` asks for by POST, and the same document for GET.
 *
 * Source: Envoy, "xDS REST and gRPC protocol", REST-JSON polling; envoy.config.endpoint.v3.ClusterLoadAssignment. Field names are
 * those of the protocol buffers, which Envoy sends and reads.
 */
import { parseIp } from '../../../base/address.ts';
import { AgentError } from '../../../base/errors.ts';
import { type BodyDecoder, parseJson } from '../../endpoint/body.ts';
import { contentHash } from '../../endpoint/reply/etag.ts';
import type { ProxyTarget } from '../../endpoint/reply/kept-lists.ts';
import {
  any,
  arrayOf,
  number,
  object,
  optionalField,
  recordOf,
  string,
  strings,
  type ValueOf,
} from '../../endpoint/schema.ts';
import type { ProxyService } from './proxy-service.ts';

const TYPE_URL = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

const LOCALITY_SCHEMA = object({
  locality: optionalField(object({ zone: string })),
  lb_endpoints: arrayOf(
    object({
      endpoint: object({
        address: object({ socket_address: object({ address: string, port_value: number }) }),
      }),
      load_balancing_weight: number,
    }),
  ),
  load_balancing_weight: number,
});
const RESOURCE_SCHEMA = object({
  '@type': string,
  cluster_name: string,
  endpoints: arrayOf(LOCALITY_SCHEMA),
});

export const discoveryResponseSchema = object({
  version_info: string,
  resources: arrayOf(RESOURCE_SCHEMA),
  type_url: string,
  nonce: string,
});

/** The version tells the content and nothing else, so it is the same from all agents that see the same. */
export function renderEnvoy(
  services: readonly ProxyService[],
  nonce: string,
): ValueOf<typeof discoveryResponseSchema> {
  const resources = services.map(({ name, targets }) => ({
    '@type': TYPE_URL,
    cluster_name: name,
    endpoints: toLocalities(targets),
  }));
  return { version_info: contentHash(JSON.stringify(resources)), resources, type_url: TYPE_URL, nonce };
}

/** Endpoints by zone. Envoy refuses an assignment in which an address is a name, so such instances are left out. */
function toLocalities(targets: readonly ProxyTarget[]): ValueOf<typeof LOCALITY_SCHEMA>[] {
  const dialable = targets.filter(({ address }) => parseIp(address) !== undefined);
  const zones = [...new Set(dialable.map(({ zone }) => zone))].sort();
  return zones.map((zone) => {
    const local = dialable.filter((target) => target.zone === zone);
    return {
      ...(zone === '' ? {} : { locality: { zone } }),
      lb_endpoints: local.map(({ address, port, weight }) => ({
        endpoint: { address: { socket_address: { address, port_value: port } } },
        load_balancing_weight: weight,
      })),
      load_balancing_weight: local.reduce((sum, { weight }) => sum + weight, 0),
    };
  });
}

/** What is read of a DiscoveryRequest. */
export interface DiscoveryRequest {
  /** The version of the last response that Envoy accepted; `''` at first. */
  readonly version: string;
  readonly services: readonly string[];
}

export const discoveryRequestSchema = object({
  version_info: optionalField(string),
  node: optionalField(recordOf(any)),
  resource_names: strings,
  type_url: optionalField(string),
  response_nonce: optionalField(string),
  error_detail: optionalField(recordOf(any)),
});

/** Fields in either spelling of JSON's protocol buffers; those that are not read here are ignored, since new versions add some. */
export const parseDiscoveryRequest: BodyDecoder<DiscoveryRequest> = (bytes) => {
  const value = parseJson(bytes);
  if (typeof value !== 'object' || value === null) throw invalid('send a DiscoveryRequest as a JSON object');
  const fields = new Map(Object.entries(value));
  const services: unknown = fields.get('resource_names') ?? fields.get('resourceNames') ?? [];
  const version: unknown = fields.get('version_info') ?? fields.get('versionInfo') ?? '';
  const typeUrl: unknown = fields.get('type_url') ?? fields.get('typeUrl') ?? TYPE_URL;
  if (typeUrl !== TYPE_URL) throw invalid(`type_url must be ${TYPE_URL}: only endpoints are served`);
  if (typeof version !== 'string') throw invalid('version_info must be text');
  if (!Array.isArray(services) || !services.every((one): one is string => typeof one === 'string'))
    throw invalid('resource_names must be a list of names of services');
  return { version, services };
};

const invalid = (clause: string): AgentError =>
  new AgentError('badRequest', `Invalid discovery request: ${clause}`);
