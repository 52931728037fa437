/** What an agent starts from that it may not have: the code for it is loaded only where it has. */
import type { Snapshot } from '../../agent/contract/machine.ts';
import type { Journal } from '../logging/journal.ts';
import type { Storage } from './storage.ts';

/** Without a directory the state is in memory only. Rejects as `openStorage`. */
export async function openDataDirectory(
  dir: string | undefined,
  record: Journal['record'],
): Promise<Storage | undefined> {
  if (dir === undefined) return undefined;
  const { openStorage } = await import('./storage.ts');
  return openStorage(dir, record);
}

/** The snapshot of a Serf agent. Only for a first start: later on our own snapshot is newer. Rejects as `readSerfSnapshot`. */
export async function importSnapshot(path: string | undefined): Promise<Snapshot | undefined> {
  if (path === undefined) return undefined;
  const { readSerfSnapshot } = await import('./serf-snapshot.ts');
  return readSerfSnapshot(path);
}
