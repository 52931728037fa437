/**
 * Alias checks: their status and output follow the checks of another service of this node.
 *
 * Source: Consul agent/checks/alias.go, CheckAlias.processChecks.
 */
import type { CheckStatus } from '../model/service.ts';
import type { LocalStore } from './state/store.ts';

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
 * critical for ever. Here they are critical only as long as no other check is behind them: then nothing was tested.
 */
export function evaluateAlias(serviceId: string, store: LocalStore): AliasResult {
  if (isEmptyLoop(serviceId, store)) return { status: 'critical', output: EMPTY_LOOP };
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

const EMPTY_LOOP =
  'This alias leads back to itself, and no service on the way has a check of its own: add one to any of them';

/** Whether aliases lead from this service in a circle, and none of the services that they reach has another check. */
function isEmptyLoop(serviceId: string, store: LocalStore): boolean {
  const services = [...aliasTargets(serviceId, store)].filter((service) => service !== '');
  const hasOwnCheck = services.some((service) => checksWithoutAliases(service, store).length > 0);
  return !hasOwnCheck && services.some((service) => followAliases(service, store).has(service));
}

/** Every service that this one's aliases reach; itself, too, if they lead back. */
function followAliases(serviceId: string, store: LocalStore): Set<string> {
  const reached = new Set(aliasedServices(serviceId, store));
  for (const service of reached) for (const next of aliasedServices(service, store)) reached.add(next);
  return reached;
}

function aliasedServices(serviceId: string, store: LocalStore): readonly string[] {
  return [...store.checksOf(serviceId)].flatMap((id) => {
    const probe = store.check(id)?.definition.probe;
    return probe?.kind === 'alias' ? [probe.serviceId] : [];
  });
}

const checksWithoutAliases = (serviceId: string, store: LocalStore): readonly string[] =>
  [...store.checksOf(serviceId)].filter((id) => store.check(id)?.definition.probe.kind !== 'alias');

/** Ids of all checks behind an alias of this service, without aliases. */
function aliasedChecks(serviceId: string, store: LocalStore): Set<string> {
  const found = new Set<string>();
  for (const service of aliasTargets(serviceId, store))
    for (const id of checksWithoutAliases(service, store)) found.add(id);
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
  for (const service of services) for (const next of aliasedServices(service, store)) services.add(next);
  return services;
}
