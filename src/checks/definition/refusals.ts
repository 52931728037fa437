/** Errors of the registry that clients see, in Consul's words, since programs search for them. */
import { AgentError } from '../../base/errors.ts';

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
