/** Refuses what others than we and root could have written. */
import { AgentError } from '../../base/errors.ts';
import { type FileOwnership, untrustedReason } from '../../base/owner.ts';

export type { FileOwnership };

/** Throws `AgentError('config')`; `remedy` ends the sentence where the mode is to blame. */
export function assertTrustedOwner(stats: FileOwnership, what: string, remedy: string): void {
  const us = process.geteuid?.();
  const why = untrustedReason(stats, us);
  if (why === undefined) return;
  const isOurs = stats.uid === us || stats.uid === 0;
  throw new AgentError('config', `${what} ${why}: ${isOurs ? remedy : 'chown it, or use your own'}`);
}
