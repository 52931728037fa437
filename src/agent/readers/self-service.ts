/**
 * The self service: every member is an instance of the platform's own service, which tools and smoke tests look for.
 * Readers derive it from membership, so it costs no gossip.
 */
import type { Instance } from '../../catalog/types.ts';
import type { MemberView, View } from '../contract/view.ts';

/** Consul's server port: a label only, nothing listens there. Source: Consul ports.server. */
export const CONSUL_SERVER_PORT = 8300;

export interface SelfInstance {
  readonly member: MemberView;
  readonly instance: Instance;
}

/** Whether `service` names the self service, in any case; `selfService` is `undefined` if it is turned off. */
export const isSelfService = (
  { selfService }: { readonly selfService: string | undefined },
  service: string,
): boolean => service.toLowerCase() === selfService?.toLowerCase();

/** The members as instances of `selfService`, except nodes that have registered a service of that name. */
export function* selfInstances(view: View, selfService: string): Generator<SelfInstance> {
  const registered = new Set(view.catalog.instances(selfService).map(({ node }) => node));
  for (const member of view.members())
    if (!registered.has(member.name)) yield { member, instance: toSelfInstance(selfService, member) };
}

/** One member as an instance of `selfService`; readers add its only check, `serfHealth`. */
export function toSelfInstance(selfService: string, { name: node, status, refused }: MemberView): Instance {
  const up = status !== 'failed' && status !== 'left' && refused !== true;
  return {
    node,
    service: {
      kind: 'service',
      id: selfService,
      name: selfService,
      tags: [],
      address: '',
      port: CONSUL_SERVER_PORT,
      ports: [],
      taggedAddresses: new Map(),
      meta: new Map(),
      weights: { passing: 1, warning: 1 },
      enableTagOverride: false,
      draining: false,
    },
    checks: [],
    nodeChecks: [],
    up,
    status: up ? 'passing' : 'critical',
    unconfirmed: false,
  };
}
