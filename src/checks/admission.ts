/** What is let in: limits on how much is registered here, who may start programs, and the errors of this door. */
import { AgentError } from '../base/errors.ts';
import type { ServiceDefinition } from '../model/service.ts';
import { maintenanceCheckId } from './maintenance.ts';
import { missingServiceError } from './refusals.ts';
import type { LocalStore } from './store.ts';
import type { CheckDefinition } from './types.ts';

export const MAX_SERVICES = 8192;
/** Maintenance is not counted. */
export const MAX_CHECKS_PER_SERVICE = 64;
const MAX_NODE_CHECKS = 512;

/** All or nothing: throws `AgentError` if the service or any of its checks cannot be registered (R6). */
export function admitService(
  service: ServiceDefinition,
  checks: readonly CheckDefinition[],
  store: LocalStore,
  options: { readonly mayExec: boolean; readonly replaceChecks?: boolean },
): void {
  if (store.service(service.id) === undefined && store.services().size >= MAX_SERVICES)
    throw new AgentError('badRequest', `This agent has ${MAX_SERVICES} services and takes no more`);
  const ids = new Set(options.replaceChecks === true ? [] : store.checksOf(service.id));
  for (const check of checks) {
    if (check.serviceId !== service.id)
      throw invalidCheckError(`${JSON.stringify(check.id)} belongs to another service`);
    admitProbe(check, options.mayExec);
    ids.add(check.id);
  }
  admitCount(ids, service.id);
}

/** Throws `AgentError`. */
export function admitCheck(check: CheckDefinition, store: LocalStore, mayExec: boolean): void {
  if (check.serviceId !== '' && store.service(check.serviceId) === undefined)
    throw missingServiceError(check.serviceId);
  admitProbe(check, mayExec);
  admitCount(new Set(store.checksOf(check.serviceId)).add(check.id), check.serviceId);
}

/** S14: programs start only for checks in files of the owner, and only where that is allowed. */
export function admitProbe({ probe }: CheckDefinition, mayExec: boolean): void {
  if (probe.kind === 'exec' && !mayExec)
    throw invalidCheckError(
      'Args (a program to run) is taken only from files of the owner, on an agent that allows programs',
    );
  if (probe.kind === 'maintenance') throw invalidCheckError('maintenance is not registered but switched on');
}

function admitCount(ids: Set<string>, service: string): void {
  ids.delete(maintenanceCheckId(service));
  const most = service === '' ? MAX_NODE_CHECKS : MAX_CHECKS_PER_SERVICE;
  if (ids.size > most)
    throw invalidCheckError(`at most ${most} checks of ${service === '' ? 'the node' : 'one service'}`);
}

const invalidCheckError = (detail: string): AgentError =>
  new AgentError('badRequest', `Invalid check: ${detail}`);
