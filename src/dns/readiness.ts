/** When the server may answer NXDOMAIN: not before the agent had a chance to learn of other members. */
import type { View } from '../agent/contract/view.ts';
import type { Millis } from '../base/time.ts';

/** Longest wait for the seeds. If none answers in this time, they may be gone and this agent alone. */
export const READINESS_TIMEOUT: Millis = 5000;

/**
 * Returns a function that tells whether the server is ready, and stays true once it is. With `waits` (there are seeds
 * and no restored catalog) that takes another member or `READINESS_TIMEOUT`; otherwise it is ready at once.
 *
 * Differs: Consul answers NXDOMAIN from its first moment, and clients cache that.
 */
export function createReadiness(
  view: View,
  { waits, clock }: { readonly waits: boolean; readonly clock: () => Millis },
): () => boolean {
  const openedAt = clock();
  let isReady = !waits;
  return () => {
    isReady ||= view.members().length > 1 || clock() - openedAt >= READINESS_TIMEOUT;
    return isReady;
  };
}
