/**
 * Who would be cut off: what the members say of their keys, and what that means for a change of one key everywhere, or for the
 * whole keyring of this agent.
 */
import { WireError } from '../../base/errors.ts';
import type { QueryReport } from '../../serf/types.ts';
import { fingerprint, formatKey } from '../../wire/crypt.ts';
import { KeyResponse } from '../../wire/serf.ts';
import { decodeStruct } from '../../wire/struct.ts';
import type { KeyOperationReport } from '../contract/commands.ts';

/** Names listed in one sentence. */
const MAX_NAMED = 8;

/** A sentence on the members that would be cut off; `undefined`: none would be. */
export function findRefusal(
  report: KeyOperationReport,
  query: QueryReport,
  key: Uint8Array | undefined,
  failed: readonly string[],
): string | undefined {
  const force = 'or use --force to do it anyway';
  if (report.unresponsive.length > 0)
    return `${formatNames(report.unresponsive)} did not say which keys they have: try again, ${force}`;
  if (report.errors.size > 0)
    return `${formatNames([...report.errors.keys()])} could not say which keys they have: see their logs, ${force}`;
  const base64 = key === undefined ? '' : formatKey(key);
  const responses = query.responses.map(({ from, payload }) => ({ from, ...parseKeyResponse(payload) }));
  const namesOf = (list: typeof responses): string[] => list.map(({ from }) => from);
  if (report.operation === 'use') {
    const lacking = namesOf(responses.filter(({ keys }) => keys?.includes(base64) !== true));
    if (lacking.length > 0)
      return `${formatNames(lacking)} would no longer understand any message: install the key there first, ${force}`;
    if (failed.length > 0)
      return `${formatNames(failed)} failed, and may lack this key when back: wait for them, forget them, ${force}`;
    return undefined;
  }
  const using = namesOf(responses.filter(({ primaryKey }) => primaryKey === base64));
  if (using.length > 0) return `${formatNames(using)} still use this key: make them use another one first`;
  if (failed.length > 0)
    return `${formatNames(failed)} failed, and may know no other key when back: wait for them, forget them, ${force}`;
  return undefined;
}

/**
 * A sentence on the members that this agent would be cut off from if it alone had exactly the keys `wanted`; `undefined`: from
 * none. Failed members are none: this agent is not in touch with them, and may need the keys to be so again.
 */
export function findCutOff(
  { unresponsive, errors }: KeyOperationReport,
  query: QueryReport,
  { self, wanted }: { readonly self: string; readonly wanted: readonly Uint8Array[] },
): string | undefined {
  const silent = [...new Set([...unresponsive, ...errors.keys()])].filter((name) => name !== self);
  if (silent.length > 0)
    return `${formatNames(silent)} did not say which keys they have: reload again when they answer`;
  const [primary = '', ...others] = wanted.map(formatKey);
  const responses = query.responses
    .filter(({ from }) => from !== self)
    .map(({ from, payload }) => ({ from, ...parseKeyResponse(payload) }));
  const lacking = responses.filter(({ keys }) => keys?.includes(primary) !== true).map(({ from }) => from);
  if (lacking.length > 0)
    return `${formatNames(lacking)} would no longer understand this agent without the key ${fingerprint(wanted[0] as Uint8Array)}: put it second in the keyrings of all agents first and reload them, or use \`hearsay keys\``;
  const known = new Set([primary, ...others]);
  const using = responses.filter(({ primaryKey = '' }) => !known.has(primaryKey)).map(({ from }) => from);
  if (using.length > 0)
    return `this agent would no longer understand ${formatNames(using)}, whose primary key is not in the file: leave it there until they use another one`;
  return undefined;
}

/** In the order of the names: answers come in any, and a refusal that is read twice should be the same. */
const formatNames = (names: readonly string[]): string => {
  const some = [...names].sort().slice(0, MAX_NAMED).join(', ');
  return names.length > MAX_NAMED ? `${some} and ${names.length - MAX_NAMED} more` : some;
};

export function parseKeyResponse(payload: Uint8Array): KeyResponse | undefined {
  try {
    return payload[0] === KeyResponse.type ? decodeStruct(KeyResponse, payload) : undefined;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
}
