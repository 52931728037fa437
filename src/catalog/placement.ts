/**
 * Which instances a key belongs to: weighted rendezvous hashing, so that all agents that see the same instances
 * agree, and a key moves only if its own instance goes or a better one comes. Advice, not a lock: two agents that
 * see different instances may name different owners, and the checksum lets them notice.
 *
 * Source: Thaler, Ravishankar, "Using name-based mappings to increase hit rates"; the weighted form by logarithms
 * from Schindelhauer, Schomaker, "Weighted distributed hash tables".
 */
import { Hash } from './hash.ts';
import type { Instance } from './types.ts';

/** The instances `key` belongs to, best first; at most `n`, and none that should not be used. */
export function rendezvousOwners(key: string, instances: readonly Instance[], n = 1): readonly Instance[] {
  const scored: { readonly instance: Instance; readonly score: number }[] = [];
  for (const instance of instances) {
    const weight = effectiveWeight(instance);
    if (weight > 0) scored.push({ instance, score: score(key, instance, weight) });
  }
  scored.sort((a, b) => b.score - a.score || compare(a.instance, b.instance));
  return scored.slice(0, Math.max(0, n)).map(({ instance }) => instance);
}

/** The part of keys an instance gets, in relation to others: by its weight for the state it is in. 0: none. */
export function effectiveWeight({ status, service: { weights } }: Instance): number {
  if (status === 'passing') return weights.passing;
  return status === 'warning' ? weights.warning : 0;
}

/** 16 hex digits, equal on two agents if they see the same instances at the same weights, in whatever order. */
export function instancesChecksum(instances: readonly Instance[]): string {
  const hash = new Hash();
  for (const instance of [...instances].sort(compare)) {
    const weight = effectiveWeight(instance);
    if (weight > 0) hash.updateText(instance.node).updateText(instance.service.id).updateNumber(weight);
  }
  return hex(hash.high) + hex(hash.low);
}

/** A draw from 0 to 1 that only this key and this instance share, bent by the weight. */
function score(key: string, { node, service }: Instance, weight: number): number {
  const hash = new Hash().updateText(node).updateText(service.id).updateText(key);
  const draw = ((hash.high >>> 5) * 0x400_0000 + (hash.low >>> 6) + 0.5) / 2 ** 53;
  return -weight / Math.log(draw);
}

function compare(a: Instance, b: Instance): number {
  if (a.node !== b.node) return a.node < b.node ? -1 : 1;
  if (a.service.id === b.service.id) return 0;
  return a.service.id < b.service.id ? -1 : 1;
}

const hex = (word: number): string => word.toString(16).padStart(8, '0');
