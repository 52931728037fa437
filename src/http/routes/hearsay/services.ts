/** `/v1/hearsay`, services: placement, what to connect to, draining. Field names are a contract. */
import { AgentError } from '../../../base/errors.ts';
import { checksum, owners, weightOf } from '../../../catalog/placement.ts';
import { unknownService } from '../../consul/registration-errors.ts';
import { choice, text } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import { any, list, nullable, number, object, text as plainText } from '../../endpoint/schema.ts';
import { nearest, roundTripTo } from '../../pool/near.ts';
import { addressOf, type Sighting, usable } from '../../pool/pool.ts';
import { required } from '../../pool/selectors.ts';
import { serviceTopics } from '../../pool/topics.ts';

const MAX_OWNERS = 100;
const MAX_KEY_CHARS = 4096;
const PLACE = { id: plainText, node: plainText, address: plainText, port: number };

/**
 * `GET /v1/hearsay/owner/:service?key=K&n=2`: the usable instances a key belongs to, by rendezvous hashing. Advice,
 * never a lock: two agents agree when their checksums do. Blocks on `index`.
 */
export const hearsayOwner = route({
  method: 'GET',
  path: '/v1/hearsay/owner/:service...',
  summary: 'The usable instances a key belongs to: advice, never a lock',
  shows: object({
    key: plainText,
    service: plainText,
    owners: list(object(PLACE)),
    checksum: any,
    instances: number,
  }),
  query: { key: text, n: howMany },
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: ({ params, query: { key, n }, site }) => {
    const service = required(params.service, 'service name');
    if (required(key, 'key').length > MAX_KEY_CHARS)
      throw new AgentError(
        'badRequest',
        `The key is longer than ${MAX_KEY_CHARS} characters: use a shorter one`,
      );
    const all = new Map(usable(site, service).map((sighting) => [sighting.instance, sighting]));
    const instances = [...all.keys()];
    return {
      key,
      service,
      owners: owners(key, instances, n).flatMap((instance) => placeOf(all.get(instance))),
      checksum: checksum(instances),
      instances: instances.length,
    };
  },
});

/** What a sidecar would connect to, nearest first. `rtt` is in milliseconds, null where it is not known. */
export const hearsayResolve = route({
  method: 'GET',
  path: '/v1/hearsay/resolve/:service...',
  summary: 'Where to connect to a service, nearest first',
  shows: list(object({ ...PLACE, weight: number, status: plainText, rtt: nullable(any) })),
  watch: ({ params, site }) => serviceTopics(site, params.service),
  answer: ({ params, site }) =>
    nearest(
      site,
      '_agent',
      usable(site, required(params.service, 'service name')),
      ({ host }) => host.name,
    ).flatMap((sighting) =>
      placeOf(sighting).map((place) => ({
        ...place,
        weight: weightOf(sighting.instance),
        status: sighting.instance.status,
        rtt: roundTripTo(site, sighting.host.name) ?? null,
      })),
    ),
});

/** `PUT /v1/hearsay/drain/:id`: takes an instance of this agent out of all answers before it stops, or back in. */
export const hearsayDrain = route({
  method: 'PUT',
  path: '/v1/hearsay/drain/:id...',
  summary: 'Take an instance of this agent out of all answers, or put it back',
  query: { enable: choice },
  act: async ({ params, query: { enable }, view, site }) => {
    const service = required(params.id, 'service ID');
    if (!view.local.services().has(service)) throw unknownService(service);
    await site.door.ask({ kind: 'drain', service, on: enable });
  },
});

interface Place {
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
}

/** Nowhere for what cannot be dialed: a node we do not know the address of. */
function placeOf(sighting: Sighting | undefined): Place[] {
  if (sighting === undefined) return [];
  const { node, service } = sighting.instance;
  const address = addressOf(sighting);
  return address === '' ? [] : [{ id: service.id, node, address, port: service.port }];
}

function howMany(values: readonly string[]): number {
  const value = values[0] ?? '1';
  const n = /^[1-9]\d{0,2}$/.test(value) ? Number(value) : 0;
  if (n < 1 || n > MAX_OWNERS) throw new AgentError('badRequest', `Invalid n: use 1 to ${MAX_OWNERS}`);
  return n;
}
