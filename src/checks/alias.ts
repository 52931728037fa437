/**
 * Checks that mirror others: what an alias says, from what is registered on this node.
 *
 * Source: Consul agent/checks/alias.go, CheckAlias.processChecks.
 */
import type { CheckStatus } from '../model/service.ts';
import type { LocalStore } from './store.ts';

const RANK = { passing: 0, warning: 1, critical: 2 } as const;

export interface AliasResult {
  readonly status: CheckStatus;
  readonly output: string;
}

/**
 * The worst check of the service and of the node; `serviceId` `''` is the node alone. An alias among them counts
 * as what it stands for.
 *
 * Differs: Consul reads the status of an alias like any other, so two services that alias one another hold each
 * other critical for ever.
 */
export function evaluateAlias(serviceId: string, store: LocalStore): AliasResult {
  let worst: AliasResult = { status: 'passing', output: 'No checks found.' };
  for (const id of originals(serviceId, store)) {
    const check = store.check(id);
    if (check === undefined) continue;
    if (RANK[check.status] > RANK[worst.status])
      worst = {
        status: check.status,
        output: `Aliased check "${check.definition.name}" failing: ${check.output}`,
      };
    else if (worst.status === 'passing') worst = { status: 'passing', output: 'All checks passing.' };
  }
  return missing(serviceId, store) ?? worst;
}

/** Ids of all checks behind an alias of this service that are no aliases themselves. */
function originals(serviceId: string, store: LocalStore): Set<string> {
  const found = new Set<string>();
  for (const service of aliasTargets(serviceId, store))
    for (const id of store.checksOf(service))
      if (store.check(id)?.definition.probe.kind !== 'alias') found.add(id);
  return found;
}

/** A service behind an alias that is not there makes all that stand for it critical. */
function missing(serviceId: string, store: LocalStore): AliasResult | undefined {
  for (const service of aliasTargets(serviceId, store))
    if (service !== '' && store.service(service) === undefined)
      return { status: 'critical', output: `Service ${service} could not be found on this node` };
  return undefined;
}

/** The service itself, the node, and every service that an alias of these follows. */
function aliasTargets(serviceId: string, store: LocalStore): Set<string> {
  const services = new Set([serviceId, '']);
  for (const service of services)
    for (const id of store.checksOf(service)) {
      const probe = store.check(id)?.definition.probe;
      if (probe?.kind === 'alias') services.add(probe.serviceId);
    }
  return services;
}
