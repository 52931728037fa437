/**
 * Commands on gossip keys: `list-keys`, `install-key`, `use-key`, `remove-key`. As in Serf nothing is asked of the members
 * before: each refuses for itself what it cannot do.
 */
import type { KeyOperation, KeyOperationReport } from '../../agent/contract/commands.ts';
import { AgentError } from '../../base/errors.ts';
import { formatKey, parseKey } from '../../wire/crypt.ts';
import * as requests from '../protocol/requests.ts';
import { command, type RpcCommand, type RpcReply, type RpcSite } from './command.ts';

const NO_REPORT = { Messages: {}, Keys: {}, NumNodes: 0, NumErr: 0, NumResp: 0 };

export const listKeys = command({
  scope: 'operator',
  failureBody: NO_REPORT,
  run: ({ site }) => operate(site, 'list', undefined),
});

const change = (operation: KeyOperation): RpcCommand =>
  command({
    scope: 'operator',
    request: requests.KeyBody,
    failureBody: NO_REPORT,
    run: ({ body, site }) => operate(site, operation, readKey(body.key)),
  });

export const installKey = change('install');
export const useKey = change('use');
export const removeKey = change('remove');

function readKey(base64: string): Uint8Array {
  try {
    return parseKey(base64);
  } catch {
    throw new AgentError('badRequest', 'a key is base64 of 16, 24 or 32 bytes: `serf keygen` makes one');
  }
}

async function operate(
  { agent }: RpcSite,
  operation: KeyOperation,
  key: Uint8Array | undefined,
): Promise<RpcReply> {
  const started = await agent.execute({ kind: 'keys', operation, key, force: true, timeout: undefined });
  const report = await finish(agent, started);
  const { members, answered, errors } = report;
  const keys = operation === 'list' ? toKeyCounts(agent, report) : null;
  const error =
    errors.size > 0
      ? `${errors.size}/${members} nodes reported failure`
      : answered < members
        ? `${answered}/${members} nodes reported success`
        : '';
  return {
    error,
    body: {
      Messages: new Map([...report.messages, ...errors]),
      Keys: keys,
      NumNodes: members,
      NumErr: errors.size,
      NumResp: answered,
    },
  };
}

/** Waits until all members have answered, or the time for it is over. */
function finish(agent: RpcSite['agent'], started: KeyOperationReport): Promise<KeyOperationReport> {
  return new Promise((resolve) => {
    let unsubscribe = (): void => undefined;
    const update = (): void => {
      const report = agent.view.keyOperationReport(started.id);
      // Only reports that have ended are forgotten, so one that is gone was its last state.
      if (report !== undefined && !report.finished) return;
      unsubscribe();
      resolve(report ?? started);
    };
    unsubscribe = agent.subscribe([`keys:${started.id}`], update);
    update();
  });
}

/** Keys in base64, as Serf shows them to its operators. */
function toKeyCounts({ view }: RpcSite['agent'], { keys }: KeyOperationReport): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [fingerprint, count] of keys) {
    const key = view.gossipKey(fingerprint);
    counts.set(key === undefined ? fingerprint : formatKey(key), count);
  }
  return counts;
}
