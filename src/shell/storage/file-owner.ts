/** Refuses files that other users than this process's own and root can write. */
import { AgentError } from '../../base/errors.ts';
import { type FileOwnership, untrustedReason } from '../../base/owner.ts';

export type { FileOwnership };

/** Throws `AgentError('config')`. `remedy` says what to do if the mode is the problem. */
export function assertTrustedOwner(stats: FileOwnership, what: string, remedy: string): void {
  const uid = process.geteuid?.();
  const reason = untrustedReason(stats, uid);
  if (reason === undefined) return;
  const isOwnerTrusted = stats.uid === uid || stats.uid === 0;
  throw new AgentError(
    'config',
    `${what} ${reason}: ${isOwnerTrusted ? remedy : 'chown it, or use your own'}`,
  );
}
