/** `/v1/hearsay`, services: placement of keys, addresses to connect to, draining. Field names are a contract. */
import { AgentError } from '../../../base/errors.ts';
import { effectiveWeight, instancesChecksum, rendezvousOwners } from '../../../catalog/placement.ts';
import { type Preference, toPreferences } from '../../../locality/preferences.ts';
import { namedPort } from '../../../model/service.ts';
import { requireService } from '../../consul/requirements.ts';
import { durationParam, requiredFlagParam, textParam } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import { any, arrayOf, nullable, number, type ObjectOf, object, string } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { followSyncStatus, SYNC_STATUS_SCHEMA } from '../../hearsay/sync-status.ts';
import { estimateRtt, sortByPreference } from '../../pool/near.ts';
import { instanceAddress, type ServiceInstance, usableInstances } from '../../pool/pool.ts';
import { requireValue } from '../../pool/selectors.ts';
import { serviceTopics } from '../../pool/topics.ts';

const MAX_OWNERS = 100;
const MAX_KEY_CHARS = 4096;
const LOCATION_FIELDS = { id: string, node: string, address: string, port: number };
type InstanceLocation = ObjectOf<typeof LOCATION_FIELDS>;

/**
 * `GET /v1/hearsay/owner/:service?key=K&n=2`: the usable instances that own a key, by rendezvous hashing. It is advice,
 * not a lock: two agents agree if their checksums are equal.
 */
export const hearsayOwner = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/owner/:service...',
  summary: 'The usable instances that own a key: advice, not a lock',
  responseSchema: object({
    key: string,
    service: string,
    owners: arrayOf(object(LOCATION_FIELDS)),
    checksum: any,
    instances: number,
  }),
  query: { key: textParam, n: ownerCountParam },
  watch: ({ params, site }) => serviceTopics(site, params.service),
  isEmpty: (value) => (value as { readonly instances: number }).instances === 0,
  handler: ({ params, query: { key, n }, site }) => {
    const service = requireValue(params.service, 'service name');
    if (requireValue(key, 'key').length > MAX_KEY_CHARS)
      throw new AgentError(
        'badRequest',
        `The key is longer than ${MAX_KEY_CHARS} characters: use a shorter one`,
      );
    const all = new Map(usableInstances(site, service).map((one) => [one.instance, one]));
    const instances = [...all.keys()];
    return {
      key,
      service,
      owners: rendezvousOwners(key, instances, n).flatMap((instance) =>
        toInstanceLocations(site, all.get(instance)),
      ),
      checksum: instancesChecksum(instances),
      instances: instances.length,
    };
  },
});

/**
 * `GET /v1/hearsay/resolve/:service`: usable instances, those of the preferred availability zones first, then the nearest, those on
 * suspected nodes last. With `port` those that have a port of that name, at it. `rtt` is in milliseconds, null if unknown.
 */
export const hearsayResolve = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/resolve/:service...',
  summary: 'Usable instances of a service with their addresses, those to prefer first',
  responseSchema: arrayOf(
    object({
      ...LOCATION_FIELDS,
      ...{ zone: nullable(string), priority: number, weight: number },
      ...{ status: string, rtt: nullable(any) },
    }),
  ),
  watch: ({ params, site }) => [...serviceTopics(site, params.service), 'members'],
  query: { port: textParam },
  handler: ({ params, query: { port }, site }) => {
    const service = requireValue(params.service, 'service name');
    const located = preferred(site, service).flatMap(({ one, ...rest }) =>
      toInstanceLocations(site, one, port).map((location) => ({ location, one, ...rest })),
    );
    return sortByPreference(site, located, ({ location }) => location.node).map(
      ({ location, one, ...rest }) => ({
        ...location,
        ...rest,
        status: one.instance.status,
        rtt: estimateRtt(site, location.node) ?? null,
      }),
    );
  },
});

/** The usable instances, with what the availability zones mean for each. */
function preferred(site: Site, service: string) {
  const { zones } = site.agent.view;
  const usable = usableInstances(site, service);
  const weighed = usable.map(({ instance }) => ({
    zone: zones.zoneOf(instance.node),
    weight: effectiveWeight(instance),
  }));
  const preferences = toPreferences(zones.plan(service), weighed);
  return usable.map((one, i) => ({
    ...{ one, zone: weighed[i]?.zone ?? null },
    ...(preferences[i] as Preference),
  }));
}

/**
 * `PUT /v1/hearsay/drain/:id`: excludes an instance of this agent from all results before it stops, or ends that. With `wait`
 * the answer comes when every agent serves that, or after that time, as a sync status.
 */
export const hearsayDrain = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/hearsay/drain/:id...',
  summary: 'Exclude an instance of this agent from all results, or end that',
  query: { enable: requiredFlagParam, wait: durationParam },
  responseSchema: SYNC_STATUS_SCHEMA,
  handler: async ({ params, query: { enable, wait }, site, view, change, onDisconnect }) => {
    const service = requireValue(params.id, 'service ID');
    requireService(view.local, service);
    await change({ kind: 'drain', service, on: enable });
    if (wait === undefined) return undefined;
    return followSyncStatus(site, { kind: 'instance', id: service }, wait, onDisconnect);
  },
});

/**
 * Empty for an instance that cannot be dialed: it has no port of that name, or the address of its node is unknown. An agent as an
 * instance of the self service has no port: that of Consul's servers is a label for Consul's clients, and nothing listens there.
 */
function toInstanceLocations(
  { agent }: Site,
  serviceInstance: ServiceInstance | undefined,
  portName = '',
): InstanceLocation[] {
  if (serviceInstance === undefined) return [];
  const { instance } = serviceInstance;
  const { node, service } = instance;
  const address = instanceAddress(serviceInstance);
  const isRegistered = agent.view.catalog.instances(service.name).includes(instance);
  const ownPort = isRegistered ? service.port : 0;
  const port = portName === '' ? ownPort : namedPort(service, portName);
  return address === '' || port === undefined ? [] : [{ id: service.id, node, address, port }];
}

function ownerCountParam(values: readonly string[]): number {
  const value = values[0] ?? '1';
  const n = /^[1-9]\d{0,2}$/.test(value) ? Number(value) : 0;
  if (n < 1 || n > MAX_OWNERS) throw new AgentError('badRequest', `Invalid n: use 1 to ${MAX_OWNERS}`);
  return n;
}
