/**
 * Partitions of worker pools in ledgers: like jobs (job-entries.ts) they are published as checks of a service that does not
 * exist, so that no reader sees them and agents from before there were partitions keep them and pass them on whole.
 */
import type { EntryKey } from './service.ts';

/** The ids of these checks begin with this. */
export const PARTITION_ID_PREFIX = 'hearsay:partitions:';

export const isPartitionKey = (key: EntryKey): boolean => key.startsWith(`c:${PARTITION_ID_PREFIX}`);

/** The pool that an entry of such a key is about, as `SERVICE:COUNT`. */
export const poolOfKey = (key: EntryKey): string =>
  key
    .slice(2 + PARTITION_ID_PREFIX.length)
    .split(':', 2)
    .join(':');

/** The most partitions of a pool. */
export const MAX_PARTITIONS = 1024;
/** The most workers that a pool can ask to be in view. */
export const MAX_QUORUM = 10_000;
/** The longest ID of an instance that can take part: it stands in the entries of others. */
export const MAX_WORKER_ID = 128;
