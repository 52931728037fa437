/** Equality of published values, and an estimate of their size. */
import type { Check, External, ExternalNode, Published, Service } from '../model/service.ts';

/** A reader could not tell them apart. */
export function samePublished(a: Published, b: Published): boolean {
  if (a === b) return true;
  if (a.kind === 'external')
    return b.kind === 'external' && a.node === b.node && sameExternal(a.value, b.value);
  if (a.kind === 'check') return b.kind === 'check' && sameExceptOutput(a, b) && a.output === b.output;
  return b.kind === 'service' && sameService(a, b);
}

function sameExternal(a: External['value'], b: External['value']): boolean {
  if (a.kind === 'node' || b.kind === 'node') return a.kind === 'node' && b.kind === 'node' && sameNode(a, b);
  return samePublished(a, b);
}

export const sameNode = (a: ExternalNode, b: ExternalNode): boolean =>
  a === b ||
  (a.name === b.name &&
    a.address === b.address &&
    a.id === b.id &&
    a.registeredAt === b.registeredAt &&
    a.removed === b.removed &&
    sameMap(a.meta, b.meta, (x, y) => x === y) &&
    sameMap(a.taggedAddresses, b.taggedAddresses, (x, y) => x === y));

/** The checks differ in their output at most; such a change may wait, since outputs change with every run. */
export const sameExceptOutput = (a: Check, b: Check): boolean =>
  a.id === b.id &&
  a.status === b.status &&
  a.serviceId === b.serviceId &&
  a.name === b.name &&
  a.notes === b.notes &&
  a.type === b.type &&
  a.interval === b.interval &&
  a.timeout === b.timeout;

const sameService = (a: Service, b: Service): boolean =>
  a.id === b.id &&
  a.name === b.name &&
  a.address === b.address &&
  a.port === b.port &&
  samePorts(a.ports, b.ports) &&
  a.draining === b.draining &&
  a.enableTagOverride === b.enableTagOverride &&
  a.weights.passing === b.weights.passing &&
  a.weights.warning === b.weights.warning &&
  sameTags(a.tags, b.tags) &&
  sameMap(a.meta, b.meta, (x, y) => x === y) &&
  sameMap(a.taggedAddresses, b.taggedAddresses, (x, y) => x.address === y.address && x.port === y.port);

const samePorts = (a: Service['ports'], b: Service['ports']): boolean =>
  a.length === b.length &&
  a.every((one, i) => {
    const other = b[i];
    return (
      other !== undefined &&
      one.name === other.name &&
      one.port === other.port &&
      one.isDefault === other.isDefault
    );
  });

export const sameTags = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((tag, i) => tag === b[i]);

function sameMap<T>(
  a: ReadonlyMap<string, T>,
  b: ReadonlyMap<string, T>,
  equal: (x: T, y: T) => boolean,
): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !equal(value, other)) return false;
  }
  return true;
}

/** Overhead of one entry beside its text. */
const BASE_BYTES = 64;

/** An estimate in bytes. Every agent computes the same, so what its owner may publish all others accept. */
export function estimateBytes(value: Published | undefined): number {
  if (value === undefined) return 0;
  if (value.kind === 'external')
    return (
      value.node.length +
      (value.value.kind === 'node' ? estimateNode(value.value) : estimateBytes(value.value))
    );
  if (value.kind === 'check')
    return BASE_BYTES + 2 * value.id.length + value.name.length + value.notes.length + value.output.length;
  let total = BASE_BYTES + 2 * value.id.length + value.name.length + value.address.length;
  for (const tag of value.tags) total += 8 + tag.length;
  for (const { name } of value.ports) total += 16 + name.length;
  for (const [key, text] of value.meta) total += 16 + key.length + text.length;
  for (const [name, { address }] of value.taggedAddresses) total += 24 + name.length + address.length;
  return total;
}

function estimateNode({ address, taggedAddresses, meta }: ExternalNode): number {
  let total = BASE_BYTES + address.length;
  for (const texts of [taggedAddresses, meta])
    for (const [key, text] of texts) total += 16 + key.length + text.length;
  return total;
}
