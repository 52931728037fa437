/**
 * Weighted rendezvous hashing: which instances a key belongs to. Agents that see the same instances agree, and a key
 * moves only if its own instance goes or one with a higher score comes. This is advice and not a lock: agents that
 * see different instances may name different owners, which they notice by comparing checksums.
 *
 * Source: Thaler, Ravishankar, "Using name-based mappings to increase hit rates"; for the weighted form by logarithms:
 * Schindelhauer, Schomaker, "Weighted distributed hash tables".
 */
import { Hash } from './hash.ts';
import type { Instance } from './types.ts';

/** At most `n` usable instances for `key`, best first. */
export function rendezvousOwners(key: string, instances: readonly Instance[], n = 1): readonly Instance[] {
  const scored: { readonly instance: Instance; readonly score: number }[] = [];
  for (const instance of instances) {
    const weight = effectiveWeight(instance);
    if (weight > 0) scored.push({ instance, score: score(key, instance, weight) });
  }
  scored.sort((a, b) => b.score - a.score || compare(a.instance, b.instance));
  return scored.slice(0, Math.max(0, n)).map(({ instance }) => instance);
}

/** The weight of an instance in its present status: its share of the keys relative to others. 0: it gets none. */
export function effectiveWeight({ status, service: { weights } }: Instance): number {
  if (status === 'passing') return weights.passing;
  return status === 'warning' ? weights.warning : 0;
}

/** 16 hex digits that are equal on agents that see the same instances with the same weights, in whatever order. */
export function instancesChecksum(instances: readonly Instance[]): string {
  const hash = new Hash();
  for (const instance of [...instances].sort(compare)) {
    const weight = effectiveWeight(instance);
    if (weight > 0) hash.updateText(instance.node).updateText(instance.service.id).updateNumber(weight);
  }
  return hex(hash.high) + hex(hash.low);
}

function score(key: string, { node, service }: Instance, weight: number): number {
  return weightedScore(new Hash().updateText(node).updateText(service.id).updateText(key), weight);
}

/** The score of a hash of node, id and key: a number between 0 and 1, scaled by the weight. The Node library has it, too. */
export function weightedScore(hash: Hash, weight: number): number {
  const draw = ((hash.high >>> 5) * 0x400_0000 + (hash.low >>> 6) + 0.5) / 2 ** 53;
  return -weight / Math.log(draw);
}

const compare = (a: Instance, b: Instance): number =>
  compareOwners(a.node, a.service.id, b.node, b.service.id);

/** The order of instances: by node, then by id. Of equal scores the first one wins. */
export function compareOwners(node: string, id: string, otherNode: string, otherId: string): number {
  if (node !== otherNode) return node < otherNode ? -1 : 1;
  if (id === otherId) return 0;
  return id < otherId ? -1 : 1;
}

const hex = (word: number): string => word.toString(16).padStart(8, '0');
