/** Compares what containers are to have registered with what is registered, and says which commands make them equal. */
import type { CommandRequest } from '../../agent/contract/commands.ts';
import type { Registration } from '../../checks/definition/definition.ts';
import { deepEqual } from '../../checks/definition/equal.ts';
import type { CheckDefinition, LocalView } from '../../checks/types.ts';
import { containerCheckId } from '../../model/service.ts';
import { containerKeyOf, ownCheckIds } from './services.ts';
import type { StateResult } from './state.ts';
import type { WantedContainer } from './tracker.ts';

/** Commands for one service, to be carried out in this order. */
export interface ServiceChange {
  readonly container: string;
  readonly service: string;
  readonly commands: readonly CommandRequest[];
}

/** The services that are registered for the containers of one engine, by container. */
export class OwnServices {
  readonly #byContainer = new Map<string, Set<string>>();

  constructor(local: LocalView, engine: string) {
    for (const [id, { definition }] of local.services()) {
      const key = containerKeyOf(definition, engine);
      if (key !== undefined) this.add(key, id);
    }
  }

  containers(): Iterable<string> {
    return this.#byContainer.keys();
  }

  of(container: string): readonly string[] {
    return [...(this.#byContainer.get(container) ?? [])];
  }

  add(container: string, service: string): void {
    const services = this.#byContainer.get(container);
    if (services === undefined) this.#byContainer.set(container, new Set([service]));
    else services.add(service);
  }

  delete(container: string, service: string): void {
    const services = this.#byContainer.get(container);
    if (services?.delete(service) === true && services.size === 0) this.#byContainer.delete(container);
  }
}

/**
 * Of the containers in `wanted` all is changed that differs; other services are not looked at. `refresh`: the state is told
 * also where it is the same, which keeps it from expiring.
 */
export function planChanges(
  wanted: ReadonlyMap<string, WantedContainer>,
  own: OwnServices,
  local: LocalView,
  refresh = false,
): readonly ServiceChange[] {
  return [...wanted].flatMap(([container, { registrations, state }]): ServiceChange[] => {
    const toChange = (service: string, commands: readonly CommandRequest[]): ServiceChange[] =>
      commands.length === 0 ? [] : [{ container, service, commands }];
    const ids = own.of(container);
    if (registrations === undefined)
      return ids.flatMap((id) =>
        toChange(id, state === undefined ? [] : updateState(id, state, local, refresh)),
      );
    const kept = new Set(registrations.map(({ service }) => service.id));
    return [
      ...ids.filter((id) => !kept.has(id)).flatMap((id) => toChange(id, [{ kind: 'deregisterService', id }])),
      ...registrations.flatMap((one) => toChange(one.service.id, putService(one, state, local, refresh))),
    ];
  });
}

function putService(
  registration: Registration,
  state: StateResult | undefined,
  local: LocalView,
  refresh: boolean,
): readonly CommandRequest[] {
  const { service } = registration;
  const checks = registration.checks.map((check) => withInitialStatus(check, state, local));
  const named = new Set(checks.map(({ id }) => id));
  const isSame =
    deepEqual(local.services().get(service.id)?.definition, service) &&
    checks.every((check) => deepEqual(local.checks().get(check.id)?.definition, check));
  return [
    ...(isSame ? [] : [{ kind: 'registerService', service, checks, replaceChecks: false } as const]),
    // Checks that others have added stay.
    ...ownCheckIds(service.id)
      .filter((id) => !named.has(id) && local.checks().has(id))
      .map((id) => ({ kind: 'deregisterCheck', id }) as const),
    ...(state === undefined ? [] : updateState(service.id, state, local, refresh)),
  ];
}

/** A service begins as its container is, so that nobody sees it change at once. It is no change of a check that is registered. */
function withInitialStatus(
  check: CheckDefinition,
  state: StateResult | undefined,
  local: LocalView,
): CheckDefinition {
  if (check.id !== containerCheckId(check.serviceId)) return check;
  const initial = local.checks().get(check.id)?.definition.initial ?? state?.status ?? check.initial;
  return { ...check, initial };
}

function updateState(
  service: string,
  { status, output }: StateResult,
  local: LocalView,
  refresh: boolean,
): readonly CommandRequest[] {
  const id = containerCheckId(service);
  const check = local.checks().get(id);
  if (!refresh && check?.status === status && check.output === output) return [];
  return [{ kind: 'updateCheck', id, status, output }];
}
