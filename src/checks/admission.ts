/** Admission of registrations: how much may be registered, which checks may start programs, and the errors. */
import { AgentError } from '../base/errors.ts';
import { JOB_ID_PREFIX, JOBS_SERVICE } from '../model/job-entries.ts';
import { PARTITION_ID_PREFIX } from '../model/partition-entries.ts';
import type { ServiceDefinition } from '../model/service.ts';
import type { Registration } from './definition/definition.ts';
import { leaseCheckId } from './definition/lease-check.ts';
import { maintenanceCheckId } from './definition/maintenance.ts';
import { invalidCheckError, missingServiceError } from './definition/refusals.ts';
import type { LocalStore } from './state/store.ts';
import type { CheckDefinition } from './types.ts';

export const MAX_SERVICES = 8192;
/** Checks by which the agent shows maintenance and leases are not counted. */
export const MAX_CHECKS_PER_SERVICE = 64;
const MAX_NODE_CHECKS = 512;

/** All or nothing: throws `AgentError` if the service or any of its checks cannot be registered (R6). */
export function admitService(
  service: ServiceDefinition,
  checks: readonly CheckDefinition[],
  store: LocalStore,
  options: { readonly replaceChecks?: boolean } = {},
): void {
  refuseReserved(service);
  if (store.service(service.id) === undefined && store.services().size >= MAX_SERVICES)
    throw serviceLimitError();
  const ids = new Set(options.replaceChecks === true ? [] : store.checksOf(service.id));
  for (const check of checks) {
    if (check.serviceId !== service.id)
      throw invalidCheckError(`${JSON.stringify(check.id)} belongs to another service`);
    admitProbe(check, false);
    ids.add(check.id);
  }
  admitCount(ids, service.id);
}

export const serviceLimitError = (): AgentError =>
  new AgentError(
    'badRequest',
    `This agent has ${MAX_SERVICES} services, which is its limit. Deregister some, or use another agent.`,
  );

/** All or nothing: throws `AgentError` if these cannot replace the services that come from files. */
export function admitFileServices(
  registrations: readonly Registration[],
  store: LocalStore,
  mayExec: boolean,
): void {
  const ids = new Set(registrations.map(({ service }) => service.id));
  const others = [...store.services()].filter(([id, { fromFile }]) => !fromFile && !ids.has(id)).length;
  if (others + ids.size > MAX_SERVICES)
    throw new AgentError(
      'badRequest',
      `With the services of the files this agent would have ${others + ids.size}, and its limit is ${MAX_SERVICES}: move some to another agent`,
    );
  for (const { service, checks } of registrations) {
    refuseReserved(service);
    const kept = [...store.checksOf(service.id)].filter((id) => store.check(id)?.fromFile === false);
    for (const check of checks) admitProbe(check, mayExec);
    admitCount(new Set([...kept, ...checks.map(({ id }) => id)]), service.id);
  }
}

/** Throws `AgentError`. */
export function admitCheck(check: CheckDefinition, store: LocalStore): void {
  if (check.serviceId !== '' && store.service(check.serviceId) === undefined)
    throw missingServiceError(check.serviceId);
  admitProbe(check, false);
  admitCount(new Set(store.checksOf(check.serviceId)).add(check.id), check.serviceId);
}

/** S14: only checks from the operator's files start programs, and only if the agent allows it. */
export function admitProbe({ id, probe }: CheckDefinition, mayExec: boolean): void {
  if (id.startsWith(JOB_ID_PREFIX))
    throw invalidCheckError(`an ID must not begin with ${JOB_ID_PREFIX}, under which jobs are published`);
  if (id.startsWith(PARTITION_ID_PREFIX))
    throw invalidCheckError(
      `an ID must not begin with ${PARTITION_ID_PREFIX}, under which partitions are published`,
    );
  if (probe.kind === 'exec' && !mayExec)
    throw invalidCheckError(
      'Args (a program to run) is accepted only from files (--service), and only if the agent allows exec checks',
    );
  if (probe.kind === 'maintenance')
    throw invalidCheckError('maintenance cannot be registered; use the maintenance endpoint');
  if (probe.kind === 'lease') throw invalidCheckError('a lease cannot be registered; use the lease endpoint');
}

function refuseReserved({ id }: ServiceDefinition): void {
  if (id === JOBS_SERVICE)
    throw new AgentError('badRequest', `The ID ${JOBS_SERVICE} is that of jobs: choose another one`);
}

function admitCount(ids: Set<string>, service: string): void {
  ids.delete(maintenanceCheckId(service));
  ids.delete(leaseCheckId(service));
  const limit = service === '' ? MAX_NODE_CHECKS : MAX_CHECKS_PER_SERVICE;
  if (ids.size > limit)
    throw invalidCheckError(`at most ${limit} checks of ${service === '' ? 'the node' : 'one service'}`);
}
