/** What Prometheus scrapes: its `http_sd_configs` asks here where instances are, in the labels of its Consul discovery. */
import { joinHostPort } from '../../../base/address.ts';
import { list } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import { map, object, list as outList, text, texts } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { addressOf, everything, NO_META, type Sighting, sightings } from '../../pool/pool.ts';

/** One group of targets. Source: Prometheus, "Writing HTTP service discovery". */
interface Group {
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
  shows: outList(object({ targets: texts, labels: map(text) })),
  query: { service: list, tag: list },
  answer: ({ query, site }) => {
    const found =
      query.service.length > 0
        ? query.service.flatMap((name) => sightings(site, name, NO_META))
        : [...everything({ ...site, selfService: undefined }, NO_META)].flatMap(({ host, instances }) =>
            instances.map((instance) => ({ host, instance })),
          );
    const tagged = found.filter(({ instance }) =>
      query.tag.every((tag) => instance.service.tags.some((one) => one.toLowerCase() === tag.toLowerCase())),
    );
    return tagged.flatMap((sighting) => groupOf(sighting, site));
  },
});

function groupOf(sighting: Sighting, { info }: Site): Group[] {
  const { host, instance } = sighting;
  const { service, status, node } = instance;
  const address = addressOf(sighting);
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
