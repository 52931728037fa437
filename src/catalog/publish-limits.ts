/** What an owner may publish, and what agents accept from other owners (docs/replication.md, Limits). */
import { AgentError } from '../base/errors.ts';
import { type EntryWrite, type Published, toEntryKey } from '../model/service.ts';
import { entrySize } from '../wire/catalog.ts';
import { MAX_ENTRY_BYTES } from '../wire/entry.ts';
import { MAX_VERSION, validateValue } from '../wire/entry-limits.ts';
import { MAX_TOMBSTONES, type Replica } from './replica.ts';
import type { Delta } from './types.ts';
import { estimateBytes } from './values.ts';

/** Services and checks of one owner. */
const MAX_LEDGER_ENTRIES = 8192;
/** Bytes of one owner's services and checks, as `estimateBytes` counts. */
const MAX_LEDGER_BYTES = 4 * 1024 * 1024;
/** Bytes of all owners together. */
const MAX_CATALOG_BYTES = 512 * 1024 * 1024;

/**
 * Throws `AgentError`. An entry that is too large for a packet is accepted: it is announced and pulled over a stream.
 */
export function validatePublishable(value: Published): void {
  const problem = validateValue(value);
  const { kind, name } = describeValue(value);
  const what = `The ${kind} ${JSON.stringify(name.slice(0, 64))}`;
  if (problem !== undefined)
    throw new AgentError('badRequest', `${what} was not registered: its ${problem}. Nothing was changed.`);
  const bytes = entrySize({ key: toEntryKey(value), version: MAX_VERSION, value });
  if (bytes > MAX_ENTRY_BYTES)
    throw new AgentError(
      'tooLarge',
      `${what} takes ${bytes} bytes, and at most ${MAX_ENTRY_BYTES} can be published: ` +
        'use fewer or shorter tags and meta. Nothing was changed.',
    );
}

function describeValue(value: Published): { readonly kind: string; readonly name: string } {
  const inner = value.kind === 'external' ? value.value : value;
  return { kind: inner.kind, name: inner.kind === 'node' ? inner.name : inner.id };
}

/** All of `writes` may be published by the owner of this ledger. Throws `AgentError`. */
export function validateWrites(
  { entries, live, estimatedBytes }: Replica,
  writes: readonly EntryWrite[],
): void {
  let count = live;
  let bytes = estimatedBytes;
  for (const write of writes) {
    if (!('put' in write)) continue;
    validatePublishable(write.put);
    const before = entries.get(toEntryKey(write.put))?.value;
    if (before === undefined) count += 1;
    bytes += estimateBytes(write.put) - estimateBytes(before);
  }
  if (count > MAX_LEDGER_ENTRIES || bytes > MAX_LEDGER_BYTES)
    throw new AgentError(
      'tooLarge',
      `An agent publishes at most ${MAX_LEDGER_ENTRIES} services and checks, and ${MAX_LEDGER_BYTES} bytes of them. ` +
        'Nothing was changed.',
    );
}

/** The delta would make its owner's ledger, or all ledgers (`catalogBytes` now), larger than they may be. */
export function exceedsLimits(replica: Replica | undefined, delta: Delta, catalogBytes: number): boolean {
  const isWhole = replica === undefined || delta.from === 0;
  let count = isWhole ? 0 : replica.entries.size;
  let bytes = isWhole ? 0 : replica.estimatedBytes;
  for (const { key, value } of delta.entries) {
    const before = isWhole ? undefined : replica.entries.get(key);
    if (before === undefined) count += 1;
    bytes += estimateBytes(value) - estimateBytes(before?.value);
  }
  const added = bytes - (replica?.estimatedBytes ?? 0);
  return (
    count > MAX_LEDGER_ENTRIES + 2 * MAX_TOMBSTONES ||
    bytes > MAX_LEDGER_BYTES ||
    (added > 0 && catalogBytes + added > MAX_CATALOG_BYTES)
  );
}
