/** Reload over HTTP: for Consul's route and for our own. */
import { AgentError } from '../../base/errors.ts';
import type { ReloadReport } from '../../config/reload.ts';
import type { Site } from '../endpoint/site.ts';

/** Rejects with `AgentError`: 500 with the reason, and nothing is changed; 501 if this agent cannot. */
export async function reload({ reload: run }: Site): Promise<ReloadReport> {
  if (run === undefined)
    throw new AgentError(
      'unavailable',
      'This agent has no settings to read again: start it with `hearsay agent`',
    );
  return run();
}
