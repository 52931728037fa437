/** Whether there are containers to register, or to remove: only then the code for it is loaded. */
import { isOfContainer } from '../../model/service.ts';
import type { Containers, ContainersOptions } from './containers.ts';

const NONE: Containers = { degraded: () => [], status: () => [], stop: async () => {} };

/** Also without an engine, if an earlier run of the agent has registered something for one. */
export async function startContainers(options: ContainersOptions): Promise<Containers> {
  const hasLeftovers = (): boolean => [...options.agent.view.local.services().keys()].some(isOfContainer);
  if (options.config.containers.length === 0 && !hasLeftovers()) return NONE;
  const { followEngines } = await import('./containers.ts');
  return followEngines(options);
}
