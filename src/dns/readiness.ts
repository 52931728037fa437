/** Since when a name that is not known may be called one that does not exist. */
import type { View } from '../agent/contract/view.ts';
import type { Millis } from '../base/time.ts';

/** Seeds that do not answer for so long may be gone: what we know ourselves is then all there is. */
export const READINESS_TIMEOUT: Millis = 5000;

/**
 * Where seeds were given and nothing is remembered: once another member is known, or when patience ends. Else at once.
 * Once true, always true.
 *
 * Differs: Consul says NXDOMAIN from the first moment, and clients believe it.
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
