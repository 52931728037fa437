/** Requirements of writes to this agent's own services and checks, tested before a command is sent to the agent. */
import { AgentError } from '../../base/errors.ts';
import {
  notTtlCheckError,
  requireOwnCheck,
  unknownCheckError,
  unknownServiceError,
} from '../../checks/definition/refusals.ts';
import type { CheckDefinition, LocalView } from '../../checks/types.ts';
import type { Site } from '../endpoint/site.ts';

/** Only files of the owner may define checks that run programs. Source: S14 (docs/security.md). */
export function rejectScriptCheck({ probe }: CheckDefinition): void {
  if (probe.kind === 'exec')
    throw new AgentError(
      'badRequest',
      'Scripts are disabled on this agent from remote calls: put the check into a service file of the agent',
    );
}

/** Says that a check is taken from another service. Consul does so in silence, and clients rely on that it succeeds. */
export function warnOfTakenCheck(
  local: LocalView,
  checks: readonly CheckDefinition[],
  warn: (sentence: string) => void,
): void {
  const isTaken = ({ id, serviceId }: CheckDefinition): boolean =>
    (local.checks().get(id)?.definition.serviceId ?? serviceId) !== serviceId;
  if (checks.some(isTaken))
    warn(
      'a check ID of this request belonged to another service, which lost its check: use IDs that are unique on this agent',
    );
}

/** Says that a check will be critical whatever it finds, since the agent does not let it out. */
export function warnOfDeniedCheck(
  { explainDenial }: Pick<Site, 'explainDenial'>,
  checks: readonly CheckDefinition[],
  warn: (sentence: string) => void,
): void {
  if (checks.some(({ probe }) => explainDenial?.(probe) !== undefined))
    warn(
      'a check of this request will be critical: its target is no address of this host, and --check-allow of the agent does not name its network',
    );
}

export function requireService(local: LocalView, id: string): void {
  if (!local.services().has(id)) throw unknownServiceError(id);
}

export function requireCheck(local: LocalView, id: string): void {
  requireOwnCheck(id);
  if (!local.checks().has(id)) throw unknownCheckError(id);
}

export function requireTtlCheck(local: LocalView, id: string): void {
  requireOwnCheck(id);
  if (local.checks().get(id)?.definition.probe.kind !== 'ttl') throw notTtlCheckError(id);
}
