/** Who may have written what we are about to trust. */
import { AgentError } from '../base/errors.ts';

/** Of a file or directory. Node's `Stats` are this. */
export interface Ownership {
  readonly uid: number;
  readonly mode: number;
}

/**
 * Throws `AgentError('config')` if others than we and root could have changed it. `remedy` ends the sentence.
 * Systems without owners and modes have nothing to check.
 */
export function refuseForeign(stats: Ownership, what: string, remedy: string): void {
  const us = process.geteuid?.();
  if (us === undefined) return;
  if (stats.uid !== us && stats.uid !== 0)
    throw new AgentError(
      'config',
      `${what} belongs to another user (uid ${stats.uid}): chown it, or use your own`,
    );
  if ((stats.mode & 0o022) !== 0)
    throw new AgentError(
      'config',
      `${what} can be written by other users (mode ${modeOf(stats)}): ${remedy}`,
    );
}

/** `0755`. */
const modeOf = (stats: Ownership): string => (stats.mode & 0o7777).toString(8).padStart(4, '0');
