/**
 * What a ledger says, as one word: the sum of the hashes of its services and checks, kept up to date by differences, whatever their order.
 * Two copies of equal progress say the same, unless one of them was forged (docs/replication.md, A48).
 *
 * Agents of all versions must compute the same, so a field that an entry gets later is not hashed here. Of texts that a redacted recording
 * masks only the length counts, which a mask keeps (src/replay/masks.ts); of maps all pairs, in no order.
 */
import type { Check, External, ExternalNode, Published, Service, ServiceAddress } from '../model/service.ts';
import { avalanche, Hash } from './hash.ts';
import type { EntryChange, Progress } from './types.ts';

/** The contents after these changes. */
export function updateContents(contents: number, changes: readonly EntryChange[]): number {
  let sum = contents;
  for (const { before, after } of changes) sum += hashPublished(after) - hashPublished(before);
  return sum >>> 0;
}

/** Equal progress, and other contents: one of the two was forged. Without both contents nothing is known. */
export const isOtherCopy = (a: Progress, b: Progress): boolean =>
  a.epoch === b.epoch &&
  a.version === b.version &&
  a.contents !== undefined &&
  b.contents !== undefined &&
  a.contents !== b.contents;

/** 32 bits; 0 for nothing. */
function hashPublished(value: Published | undefined): number {
  if (value === undefined) return 0;
  const hash = new Hash().updateText(value.kind);
  if (value.kind !== 'external') return hashOwn(hash, value);
  return hashOwn(hash.updateText(value.node).updateText(value.value.kind), value.value);
}

function hashOwn(hash: Hash, value: External['value']): number {
  if (value.kind === 'check') updateCheck(hash, value);
  else if (value.kind === 'service') updateService(hash, value);
  else updateNode(hash, value);
  return hash.high;
}

function updateService(hash: Hash, value: Service): void {
  hash.updateText(value.id).updateText(value.name).updateText(value.address).updateNumber(value.port);
  hash.updateNumber(value.tags.length);
  for (const tag of value.tags) hash.updateText(tag);
  hash.updateNumber(value.ports.length);
  for (const { name, port, isDefault } of value.ports)
    hash.updateText(name).updateNumber(port).updateNumber(Number(isDefault));
  updateMap(hash, value.taggedAddresses, updateAddress);
  updateMap(hash, value.meta, updateLength);
  hash.updateNumber(value.weights.passing).updateNumber(value.weights.warning);
  hash.updateNumber(Number(value.draining)).updateNumber(Number(value.enableTagOverride));
}

function updateCheck(hash: Hash, value: Check): void {
  hash.updateText(value.id).updateText(value.name).updateText(value.status).updateText(value.serviceId);
  hash.updateText(value.type).updateText(value.interval).updateText(value.timeout);
  updateLength(updateLength(hash, value.notes), value.output);
}

function updateNode(hash: Hash, value: ExternalNode): void {
  hash.updateText(value.name).updateText(value.address).updateText(value.id);
  hash.updateNumber(value.registeredAt).updateNumber(Number(value.removed));
  updateMap(hash, value.taggedAddresses, (one, text) => one.updateText(text));
  updateMap(hash, value.meta, updateLength);
}

function updateMap<T>(
  hash: Hash,
  pairs: ReadonlyMap<string, T>,
  update: (hash: Hash, value: T) => Hash,
): void {
  let sum = 0;
  for (const [key, value] of pairs) sum = (sum + update(new Hash().updateText(key), value).high) | 0;
  hash.updateNumber(pairs.size).updateNumber(sum >>> 0);
}

const updateLength = (hash: Hash, text: string): Hash => hash.updateNumber(text.length);

const updateAddress = (hash: Hash, { address, port }: ServiceAddress): Hash =>
  hash.updateText(address).updateNumber(port);

/** What a ledger adds to the digest of its bucket, besides its progress (`low`): equal forgeries of two owners must not cancel out. */
export const mixContents = (contents: number, low: number): number => avalanche(contents ^ low);
