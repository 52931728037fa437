/** When two published values say the same, and what they weigh in memory and on the wire. */
import type { Check, Published, Service } from '../model/service.ts';

/** Nothing a reader could tell apart. */
export function samePublished(a: Published, b: Published): boolean {
  if (a === b) return true;
  if (a.kind === 'check') return b.kind === 'check' && sameExceptOutput(a, b) && a.output === b.output;
  return b.kind === 'service' && sameService(a, b);
}

/** Checks that differ in their output at most: such changes are not worth an own rumor each time. */
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
  a.draining === b.draining &&
  a.enableTagOverride === b.enableTagOverride &&
  a.weights.passing === b.weights.passing &&
  a.weights.warning === b.weights.warning &&
  sameTags(a.tags, b.tags) &&
  sameMap(a.meta, b.meta, (x, y) => x === y) &&
  sameMap(a.taggedAddresses, b.taggedAddresses, (x, y) => x.address === y.address && x.port === y.port);

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

/** What one entry costs beside its text. */
const BASE_BYTES = 64;

/** Roughly its octets; every agent finds the same number, so what the owner may write all others may keep. */
export function estimateBytes(value: Published | undefined): number {
  if (value === undefined) return 0;
  if (value.kind === 'check')
    return BASE_BYTES + 2 * value.id.length + value.name.length + value.notes.length + value.output.length;
  let total = BASE_BYTES + 2 * value.id.length + value.name.length + value.address.length;
  for (const tag of value.tags) total += 8 + tag.length;
  for (const [key, text] of value.meta) total += 16 + key.length + text.length;
  for (const [name, at] of value.taggedAddresses) total += 24 + name.length + at.address.length;
  return total;
}
