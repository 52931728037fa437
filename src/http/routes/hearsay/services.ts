/** `/v1/hearsay`, services: placement, what to connect to, draining. Field names are a contract. */
import { AgentError } from '../../../base/errors.ts';
import { effectiveWeight, instancesChecksum, rendezvousOwners } from '../../../catalog/placement.ts';
import { requireService } from '../../consul/requirements.ts';
import { requiredFlagParam, textParam } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import { any, arrayOf, nullable, number, object, string as plainText } from '../../endpoint/schema.ts';
import { estimateRtt, sortByRtt } from '../../pool/near.ts';
import { instanceAddress, type ServiceInstance, usableInstances } from '../../pool/pool.ts';
import { requireValue } from '../../pool/selectors.ts';
import { serviceTopics } from '../../pool/topics.ts';

const MAX_OWNERS = 100;
const MAX_KEY_CHARS = 4096;
const LOCATION_FIELDS = { id: plainText, node: plainText, address: plainText, port: number };

/**
 * `GET /v1/hearsay/owner/:service?key=K&n=2`: the usable instances a key belongs to, by rendezvous hashing. Advice,
 * never a lock: two agents agree when their checksums do. Blocks on `index`.
 */
export const hearsayOwner = route({
  method: 'GET',
  path: '/v1/hearsay/owner/:service...',
  summary: 'The usable instances a key belongs to: advice, never a lock',
  responseSchema: object({
    key: plainText,
    service: plainText,
    owners: arrayOf(object(LOCATION_FIELDS)),
    checksum: any,
    instances: number,
  }),
  query: { key: textParam, n: ownerCountParam },
  watch: ({ params, site }) => serviceTopics(site, params.service),
  handler: ({ params, query: { key, n }, site }) => {
    const service = requireValue(params.service, 'service name');
    if (requireValue(key, 'key').length > MAX_KEY_CHARS)
      throw new AgentError(
        'badRequest',
        `The key is longer than ${MAX_KEY_CHARS} characters: use a shorter one`,
      );
    const all = new Map(usableInstances(site, service).map((sighting) => [sighting.instance, sighting]));
    const instances = [...all.keys()];
    return {
      key,
      service,
      owners: rendezvousOwners(key, instances, n).flatMap((instance) =>
        toInstanceLocations(all.get(instance)),
      ),
      checksum: instancesChecksum(instances),
      instances: instances.length,
    };
  },
});

/** What a sidecar would connect to, nearest first. `rtt` is in milliseconds, null where it is not known. */
export const hearsayResolve = route({
  method: 'GET',
  path: '/v1/hearsay/resolve/:service...',
  summary: 'Where to connect to a service, nearest first',
  responseSchema: arrayOf(
    object({ ...LOCATION_FIELDS, weight: number, status: plainText, rtt: nullable(any) }),
  ),
  watch: ({ params, site }) => serviceTopics(site, params.service),
  handler: ({ params, site }) =>
    sortByRtt(
      site,
      '_agent',
      usableInstances(site, requireValue(params.service, 'service name')),
      ({ poolNode: host }) => host.name,
    ).flatMap((sighting) =>
      toInstanceLocations(sighting).map((place) => ({
        ...place,
        weight: effectiveWeight(sighting.instance),
        status: sighting.instance.status,
        rtt: estimateRtt(site, sighting.poolNode.name) ?? null,
      })),
    ),
});

/** `PUT /v1/hearsay/drain/:id`: takes an instance of this agent out of all answers before it stops, or back in. */
export const hearsayDrain = route({
  method: 'PUT',
  path: '/v1/hearsay/drain/:id...',
  summary: 'Take an instance of this agent out of all answers, or put it back',
  query: { enable: requiredFlagParam },
  handler: async ({ params, query: { enable }, view, site }) => {
    const service = requireValue(params.id, 'service ID');
    requireService(view.local, service);
    await site.agent.execute({ kind: 'drain', service, on: enable });
  },
});

interface InstanceLocation {
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
}

/** Nowhere for what cannot be dialed: a node we do not know the address of. */
function toInstanceLocations(sighting: ServiceInstance | undefined): InstanceLocation[] {
  if (sighting === undefined) return [];
  const { node, service } = sighting.instance;
  const address = instanceAddress(sighting);
  return address === '' ? [] : [{ id: service.id, node, address, port: service.port }];
}

function ownerCountParam(values: readonly string[]): number {
  const value = values[0] ?? '1';
  const n = /^[1-9]\d{0,2}$/.test(value) ? Number(value) : 0;
  if (n < 1 || n > MAX_OWNERS) throw new AgentError('badRequest', `Invalid n: use 1 to ${MAX_OWNERS}`);
  return n;
}
