/**
 * Alias checks: their status and output follow the checks of another service of this node.
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
 * The worst check of the service and of the node; for `serviceId` `''`, of the node alone. An alias among them is
 * replaced by the checks behind it.
 *
 * Differs: Consul reads the status of an alias like any other, so two services that alias each other keep each other
 * critical for ever.
 */
export function evaluateAlias(serviceId: string, store: LocalStore): AliasResult {
  let worst: AliasResult = { status: 'passing', output: 'No checks found.' };
  for (const id of aliasedChecks(serviceId, store)) {
    const check = store.check(id);
    if (check === undefined) continue;
    if (RANK[check.status] > RANK[worst.status])
      worst = {
        status: check.status,
        output: `Aliased check "${check.definition.name}" failing: ${check.output}`,
      };
    else if (worst.status === 'passing') worst = { status: 'passing', output: 'All checks passing.' };
  }
  return missingTarget(serviceId, store) ?? worst;
}

/** Ids of all checks behind an alias of this service, without aliases. */
function aliasedChecks(serviceId: string, store: LocalStore): Set<string> {
  const found = new Set<string>();
  for (const service of aliasTargets(serviceId, store))
    for (const id of store.checksOf(service))
      if (store.check(id)?.definition.probe.kind !== 'alias') found.add(id);
  return found;
}

/** An alias whose target does not exist is critical, and so is each alias of it. */
function missingTarget(serviceId: string, store: LocalStore): AliasResult | undefined {
  for (const service of aliasTargets(serviceId, store))
    if (service !== '' && store.service(service) === undefined)
      return { status: 'critical', output: `Service ${service} could not be found on this node` };
  return undefined;
}

/** The service, the node, and every service that they alias, directly or not. */
function aliasTargets(serviceId: string, store: LocalStore): Set<string> {
  const services = new Set([serviceId, '']);
  for (const service of services)
    for (const id of store.checksOf(service)) {
      const probe = store.check(id)?.definition.probe;
      if (probe?.kind === 'alias') services.add(probe.serviceId);
    }
  return services;
}
