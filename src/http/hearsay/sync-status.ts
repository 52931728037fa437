/** Sync statuses as JSON: the agent asks the others, and the reply waits until all serve the record or the time is over. */
import type { SyncStatus, SyncSubject } from '../../agent/contract/sync-status.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { OnDisconnect } from '../endpoint/blocking.ts';
import { arrayOf, boolean, named, number, object, oneOf, string, type ValueOf } from '../endpoint/schema.ts';
import type { Site } from '../endpoint/site.ts';

export const SYNC_STATUS_SCHEMA = named(
  'SyncStatus',
  object({
    done: boolean,
    sentence: string,
    known: number,
    expected: number,
    missing: arrayOf(
      object({
        node: string,
        reason: oneOf('silent', 'behind', 'readers', 'away', 'unable'),
        forMs: number,
        message: string,
      }),
    ),
    apart: arrayOf(object({ node: string, reason: oneOf('serf', 'leaving', 'failed'), message: string })),
  }),
);

type SyncStatusJson = ValueOf<typeof SYNC_STATUS_SCHEMA>;

const MIN_WAIT: Millis = 10;
const MAX_WAIT: Millis = 600_000;

/** Throws `AgentError` if there is no such record, or the wait is out of range, and 429 if nobody more can wait. */
export async function followSyncStatus(
  { agent, blockingQueries }: Site,
  subject: SyncSubject,
  wait: Millis,
  onDisconnect: OnDisconnect,
): Promise<SyncStatusJson> {
  if (wait < MIN_WAIT || wait > MAX_WAIT)
    throw new AgentError('badRequest', 'Invalid wait: the time to wait must be 10ms to 10m');
  blockingQueries.requireRoom();
  const opened = await agent.execute({ kind: 'openSync', subject, wait });
  const { id } = opened;
  const read = (): SyncStatus => agent.view.syncStatus(id) ?? opened;
  try {
    await blockingQueries.waitInStream(() => !read().finished, [`sync:${id}`], 2 * wait, onDisconnect);
    return toSyncStatusJson(read());
  } finally {
    await agent.execute({ kind: 'closeSync', id }).catch(() => undefined); // it is stopping
  }
}

const toSyncStatusJson = ({ done, sentence, known, missing, apart }: SyncStatus): SyncStatusJson => ({
  ...{ done, sentence, known: known.length, expected: known.length + missing.length },
  missing: missing.map((one) => ({ ...one, forMs: Math.round(one.forMs) })),
  apart,
});
