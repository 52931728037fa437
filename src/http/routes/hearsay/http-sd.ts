/** What Prometheus scrapes: its `http_sd_configs` asks here where instances are, in the labels of its Consul discovery. */
import { joinHostPort } from '../../../base/address.ts';
import { listParam } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import { object, arrayOf as outList, recordOf, string, strings } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import {
  allNodeEntries,
  instanceAddress,
  NO_META_FILTER,
  type ServiceInstance,
  serviceInstances,
} from '../../pool/pool.ts';

/** One group of targets. Source: Prometheus, "Writing HTTP service discovery". */
interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * `GET /v1/hearsay/prometheus?service=web&tag=http`: every instance in any state but those that cannot be dialed; all
 * services, or those named; with all of the tags. Prometheus asks again and again, so it does not block.
 *
 * Source: Prometheus discovery/consul: the names of the labels, so that relabelings work unchanged.
 */
export const hearsayPrometheus = route({
  method: 'GET',
  path: '/v1/hearsay/prometheus',
  summary: 'Targets for Prometheus, in the labels of its Consul discovery',
  responseSchema: outList(object({ targets: strings, labels: recordOf(string) })),
  query: { service: listParam, tag: listParam },
  handler: ({ query, site }) => {
    const found =
      query.service.length > 0
        ? query.service.flatMap((name) => serviceInstances(site, name, NO_META_FILTER))
        : [...allNodeEntries({ ...site, selfService: undefined }, NO_META_FILTER)].flatMap(
            ({ poolNode, instances }) => instances.map((instance) => ({ poolNode, instance })),
          );
    const tagged = found.filter(({ instance }) =>
      query.tag.every((tag) => instance.service.tags.some((one) => one.toLowerCase() === tag.toLowerCase())),
    );
    return tagged.flatMap((sighting) => toTargetGroups(sighting, site));
  },
});

function toTargetGroups(sighting: ServiceInstance, { info }: Site): TargetGroup[] {
  const { poolNode: host, instance } = sighting;
  const { service, status, node } = instance;
  const address = instanceAddress(sighting);
  if (address === '' || service.port === 0) return [];
  const labels: Record<string, string> = {
    __meta_consul_dc: info.datacenter,
    __meta_consul_node: node,
    __meta_consul_address: host.member?.address.host ?? '',
    __meta_consul_service: service.name,
    __meta_consul_service_id: service.id,
    __meta_consul_service_address: service.address,
    __meta_consul_service_port: String(service.port),
    __meta_consul_tags: `,${service.tags.map((tag) => `${tag},`).join('')}`,
    __meta_consul_health: status === 'draining' ? 'critical' : status,
  };
  for (const [key, value] of service.meta) labels[`__meta_consul_service_metadata_${labelName(key)}`] = value;
  for (const [key, value] of host.member?.tags ?? [])
    labels[`__meta_consul_metadata_${labelName(key)}`] = value;
  return [{ targets: [joinHostPort(address, service.port)], labels }];
}

/** Source: Prometheus strutil.SanitizeLabelName. */
const labelName = (key: string): string => key.replace(/[^a-zA-Z0-9_]/g, '_');
