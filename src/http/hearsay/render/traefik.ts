/** Traefik: the dynamic configuration that its HTTP provider polls, with services and nothing else. */
import { joinHostPort } from '../../../base/address.ts';
import type { ProxyTarget } from '../../endpoint/reply/kept-lists.ts';
import {
  arrayOf,
  number,
  object,
  optionalField,
  recordOf,
  string,
  type ValueOf,
} from '../../endpoint/schema.ts';
import type { ProxyService } from './proxy-service.ts';

const SERVICE_SCHEMA = object({
  loadBalancer: optionalField(object({ servers: arrayOf(object({ url: string })) })),
  weighted: optionalField(object({ services: arrayOf(object({ name: string, weight: number })) })),
});
type TraefikService = ValueOf<typeof SERVICE_SCHEMA>;

export const traefikSchema = object({ http: object({ services: recordOf(SERVICE_SCHEMA) }) });

export type UrlScheme = 'http' | 'https' | 'h2c';

/** Source: Traefik, "HTTP provider" and "Services": loadBalancer, weighted. */
export const renderTraefik = (
  services: readonly ProxyService[],
  scheme: UrlScheme,
): ValueOf<typeof traefikSchema> => ({
  http: {
    services: Object.fromEntries(services.flatMap((service) => toTraefikServices(service, scheme))),
  },
});

/**
 * Servers have weights in new versions only, and older ones refuse the whole document for it. So instances of different weights
 * become a service for each weight, `web-weight-3`, below a weighted one, which all versions know.
 */
function toTraefikServices(
  { name, targets }: ProxyService,
  scheme: UrlScheme,
): (readonly [string, TraefikService])[] {
  const weights = [...new Set(targets.map(({ weight }) => weight))].sort((a, b) => a - b);
  if (weights.length < 2) return [[name, toLoadBalancer(targets, scheme)]];
  const groups = weights.map((weight) => {
    const group = targets.filter((target) => target.weight === weight);
    return { name: `${name}-weight-${weight}`, weight: weight * group.length, group };
  });
  const shares = groups.map((one) => ({ name: one.name, weight: one.weight }));
  return [
    [name, { weighted: { services: shares } }],
    ...groups.map((one) => [one.name, toLoadBalancer(one.group, scheme)] as const),
  ];
}

const toLoadBalancer = (targets: readonly ProxyTarget[], scheme: UrlScheme): TraefikService => ({
  loadBalancer: {
    servers: targets.map(({ address, port }) => ({ url: `${scheme}://${joinHostPort(address, port)}` })),
  },
});
