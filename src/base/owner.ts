/** Decides whether a file can be trusted, by its owner and mode. */

/** Owner and mode of a file or directory, as in Node's `Stats`. */
export interface FileOwnership {
  readonly uid: number;
  readonly mode: number;
}

/**
 * A clause that says why other users than `uid` and root can write the file; `undefined` if they cannot. `uid` is
 * undefined on systems without owners and modes, where there is nothing to check.
 */
export function untrustedReason(stats: FileOwnership, uid: number | undefined): string | undefined {
  if (uid === undefined) return undefined;
  if (stats.uid !== uid && stats.uid !== 0) return `belongs to another user (uid ${stats.uid})`;
  return (stats.mode & 0o022) === 0 ? undefined : `can be written by other users (mode ${formatMode(stats)})`;
}

/** `0755`. */
const formatMode = (stats: FileOwnership): string => (stats.mode & 0o7777).toString(8).padStart(4, '0');
