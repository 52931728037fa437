/** Prometheus' HTTP service discovery (`http_sd_configs`), with the labels of its Consul discovery. */
import { joinHostPort } from '../../../base/address.ts';
import { listParam } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import { arrayOf, object, recordOf, string, strings, type ValueOf } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import {
  allServiceInstances,
  instanceAddress,
  NO_META_FILTER,
  nodeAddress,
  nodeMeta,
  type ServiceInstance,
  serviceInstances,
} from '../../pool/pool.ts';
import { hasTags } from '../../pool/selectors.ts';
import { serviceTopics } from '../../pool/topics.ts';

/** A group of targets. Source: Prometheus, "Writing HTTP service discovery". */
const TARGET_GROUP_SCHEMA = object({ targets: strings, labels: recordOf(string) });
type TargetGroup = ValueOf<typeof TARGET_GROUP_SCHEMA>;

/**
 * `GET /v1/hearsay/prometheus?service=web&tag=http`: instances in any state that have an address and a port; of all
 * services or those given, with all of the tags. Prometheus polls, so it does not block.
 *
 * Source: Prometheus discovery/consul: label names are the same, so that relabelings work unchanged.
 */
export const hearsayPrometheus = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/prometheus',
  summary: 'Targets for Prometheus, in the labels of its Consul discovery',
  responseSchema: arrayOf(TARGET_GROUP_SCHEMA),
  query: { service: listParam, tag: listParam },
  watch: ({ query, site }) =>
    query.service.length > 0
      ? query.service.flatMap((name) => serviceTopics(site, name))
      : ['services', 'checks', 'nodes'],
  blocking: false,
  handler: ({ query, site }) => {
    const instances =
      query.service.length > 0
        ? query.service.flatMap((name) => serviceInstances(site, name, NO_META_FILTER))
        : allServiceInstances({ ...site, selfService: undefined }, NO_META_FILTER);
    return instances.filter(hasTags(query.tag)).flatMap((one) => toTargetGroups(one, site));
  },
});

/** Empty for an instance that cannot be dialed. */
function toTargetGroups(serviceInstance: ServiceInstance, { info }: Site): TargetGroup[] {
  const { poolNode, instance } = serviceInstance;
  const { service, status, node } = instance;
  const address = instanceAddress(serviceInstance);
  if (address === '' || service.port === 0) return [];
  const labels: Record<string, string> = {
    __meta_consul_dc: info.datacenter,
    __meta_consul_node: node,
    __meta_consul_address: nodeAddress(poolNode),
    __meta_consul_service: service.name,
    __meta_consul_service_id: service.id,
    __meta_consul_service_address: service.address,
    __meta_consul_service_port: String(service.port),
    __meta_consul_tags: `,${service.tags.map((tag) => `${tag},`).join('')}`,
    __meta_consul_health: status === 'draining' ? 'critical' : status,
  };
  for (const [key, value] of service.meta) labels[`__meta_consul_service_metadata_${labelName(key)}`] = value;
  for (const [key, value] of nodeMeta(poolNode)) labels[`__meta_consul_metadata_${labelName(key)}`] = value;
  return [{ targets: [joinHostPort(address, service.port)], labels }];
}

/** Source: Prometheus strutil.SanitizeLabelName. */
const labelName = (key: string): string => key.replace(/[^a-zA-Z0-9_]/g, '_');
