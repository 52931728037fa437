/** Refusals that clients see. Their wording is Consul's: programs search for these sentences. */
import { AgentError } from '../base/errors.ts';

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

/** Programs register anew when they find either half. Source: Consul HTTP API, "TTL Check Update". */
export const notTtlCheckError = (id: string): AgentError =>
  new AgentError(
    'notFound',
    `Unknown check ID ${JSON.stringify(id)}: CheckID ${JSON.stringify(id)} does not have associated TTL`,
  );

/** A check is registered for a service that is not. */
export const missingServiceError = (id: string): AgentError =>
  new AgentError('notFound', `ServiceID ${JSON.stringify(id)} does not exist`);
