/** Who may have written what we are about to trust. */

/** Of a file or directory. Node's `Stats` are this. */
export interface FileOwnership {
  readonly uid: number;
  readonly mode: number;
}

/**
 * Why others than `us` and root could have changed it, as a clause; `undefined`: they could not. `us` is absent on
 * systems without owners and modes, where there is nothing to check.
 */
export function untrustedReason(stats: FileOwnership, us: number | undefined): string | undefined {
  if (us === undefined) return undefined;
  if (stats.uid !== us && stats.uid !== 0) return `belongs to another user (uid ${stats.uid})`;
  return (stats.mode & 0o022) === 0 ? undefined : `can be written by other users (mode ${modeOf(stats)})`;
}

/** `0755`. */
const modeOf = (stats: FileOwnership): string => (stats.mode & 0o7777).toString(8).padStart(4, '0');
