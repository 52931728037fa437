/** Errors of the registry that clients see, in Consul's words, since programs search for them. */
import { AgentError } from '../../base/errors.ts';
import { NODE_MAINTENANCE, SERVICE_DRAINING, SERVICE_LEASE, SERVICE_MAINTENANCE } from '../types.ts';

export const unknownServiceError = (id: string): AgentError =>
  new AgentError(
    'notFound',
    `Unknown service ID ${JSON.stringify(id)}. Ensure that the service ID is passed, not the service name.`,
  );

export const unknownCheckError = (id: string): AgentError =>
  new AgentError(
    'notFound',
    `Unknown check ID ${JSON.stringify(id)}. Ensure that the check ID is passed, not the check name.`,
  );

/**
 * For a check by which the agent shows an operator's order: it is lifted by the order's own route alone, so that no client ends it by
 * cleaning up checks. Does nothing for all others.
 */
export function requireOwnCheck(id: string): void {
  const refuse = (what: string, path: string, command: string): AgentError =>
    new AgentError(
      'badRequest',
      `${JSON.stringify(id)} shows ${what} and is no check of its own: end it with PUT ${path}?enable=false (\`hearsay ${command}\`)`,
    );
  if (id === NODE_MAINTENANCE)
    throw refuse('that this node is in maintenance', '/v1/agent/maintenance', 'maint off');
  if (id.startsWith(SERVICE_MAINTENANCE)) {
    const service = id.slice(SERVICE_MAINTENANCE.length);
    const path = `/v1/agent/service/maintenance/${encodeURIComponent(service)}`;
    throw refuse('that a service is in maintenance', path, `maint off ${service}`);
  }
  if (id.startsWith(SERVICE_LEASE))
    throw new AgentError(
      'badRequest',
      `${JSON.stringify(id)} shows that a service is leased and is no check of its own: it goes with the service, when its process closes the connection`,
    );
  if (id.startsWith(SERVICE_DRAINING)) {
    const service = id.slice(SERVICE_DRAINING.length);
    throw refuse(
      'that a service is draining',
      `/v1/hearsay/drain/${encodeURIComponent(service)}`,
      `drain off ${service}`,
    );
  }
}

/** Clients register again when they find either half of this. Source: Consul HTTP API, "TTL Check Update". */
export const notTtlCheckError = (id: string): AgentError =>
  new AgentError(
    'notFound',
    `Unknown check ID ${JSON.stringify(id)}: CheckID ${JSON.stringify(id)} does not have associated TTL`,
  );

/** For a check of a service that is not registered. */
export const missingServiceError = (id: string): AgentError =>
  new AgentError('notFound', `ServiceID ${JSON.stringify(id)} does not exist`);

/** For a check with fields that are invalid, or that no check may have together. */
export const invalidCheckError = (detail: string): AgentError =>
  new AgentError('badRequest', `Invalid check: ${detail}`);

export const invalidLeaseError = (detail: string): AgentError =>
  new AgentError('badRequest', `Invalid lease: ${detail}`);

export const unknownLeaseError = (id: string): AgentError =>
  new AgentError('notFound', `There is no lease ${JSON.stringify(id)} on this agent: it has ended already`);
