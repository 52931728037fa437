/** What writes to this agent's own services and checks have in common: their refusals, in words clients search for. */
import { AgentError } from '../../base/errors.ts';
import type { CheckDefinition, LocalView } from '../../checks/types.ts';

/** Programs are started by checks from the owner's files only. Source: S14 (docs/security.md). */
export function rejectScriptCheck({ probe }: CheckDefinition): void {
  if (probe.kind === 'exec')
    throw new AgentError(
      'badRequest',
      'Scripts are disabled on this agent from remote calls: put the check into a service file of the agent',
    );
}

export const serviceIdNotFound = (id: string): AgentError =>
  new AgentError(
    'notFound',
    `Unknown service ID ${JSON.stringify(id)}. Ensure that the service ID is passed, not the service name.`,
  );

export const checkIdNotFound = (id: string): AgentError =>
  new AgentError(
    'notFound',
    `Unknown check ID ${JSON.stringify(id)}. Ensure that the check ID is passed, not the check name.`,
  );

/** Throws unless it is a TTL check. Programs register anew when they find either phrase. Source: Consul HTTP API, "TTL Check Update". */
export function requireTtlCheck(local: LocalView, id: string): void {
  if (local.checks().get(id)?.definition.probe.kind === 'ttl') return;
  const quoted = JSON.stringify(id);
  throw new AgentError(
    'notFound',
    `Unknown check ID ${quoted}: CheckID ${quoted} does not have associated TTL`,
  );
}
