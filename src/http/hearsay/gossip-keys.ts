/** Gossip keys as requests name them, and operations on them that a request waits for. */
import type { KeyOperation, KeyOperationReport } from '../../agent/contract/commands.ts';
import { AgentError } from '../../base/errors.ts';
import { isFingerprint, parseKey } from '../../wire/crypt.ts';
import type { OnDisconnect } from '../endpoint/blocking.ts';
import type { Site } from '../endpoint/site.ts';

/** A member may write its keyring before it answers; every query has ended long before. */
const MAX_OPERATION_TIME = 600_000;

/** A key in base64, or its fingerprint. Never quotes the key. */
export function findGossipKey(named: string, { agent: { view } }: Site): Uint8Array {
  if (isFingerprint(named)) {
    const key = view.gossipKey(named);
    if (key !== undefined) return key;
    throw new AgentError(
      'notFound',
      `no key with the fingerprint ${named} is known here: run \`hearsay keys list\`, or give the key in base64`,
    );
  }
  try {
    return parseKey(named);
  } catch {
    throw new AgentError(
      'badRequest',
      'a key is base64 of 16, 24 or 32 bytes, or a fingerprint of `hearsay keys list`: `hearsay keygen` makes a new one',
    );
  }
}

/** Does an operation at all members, and resolves with its report when it has ended. */
export async function runKeyOperation(
  operation: KeyOperation,
  key: Uint8Array | undefined,
  site: Site,
  onDisconnect: OnDisconnect,
): Promise<KeyOperationReport> {
  const { agent, blockingQueries } = site;
  const started = await agent.execute({ kind: 'keys', operation, key, force: false, timeout: undefined });
  const current = (): KeyOperationReport => agent.view.keyOperationReport(started.id) ?? started;
  const topic = `keys:${started.id}` as const;
  await blockingQueries.waitWhile(() => !current().finished, [topic], MAX_OPERATION_TIME, onDisconnect);
  return current();
}
