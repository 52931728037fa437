/** Which of many an answer holds: the parameters that lists of nodes, instances and checks share. */

import { AgentError } from '../../base/errors.ts';
import { listParam, pairsParam, textParam } from '../endpoint/query.ts';
import type { MetaFilter, ServiceInstance } from './pool.ts';

/** Of lists that a node's meta can narrow and `near` sort. There is one pool: another peer's part of it is empty. */
export const NODE_PARAMS = { 'node-meta': pairsParam, near: textParam, peer: textParam };

/** Of lists of instances. */
export const INSTANCE_PARAMS = { ...NODE_PARAMS, tag: listParam };

export interface PoolSelector {
  readonly 'node-meta': MetaFilter;
  readonly peer: string;
}

/** Is it our own pool that is asked for? */
export const isLocalPeer = ({ peer }: PoolSelector): boolean => peer === '';

/** Does an instance carry all of these tags? Case does not matter; an empty one nobody carries. Source: T8 (docs/consul.md). */
export function hasTags(tags: readonly string[]): (sighting: ServiceInstance) => boolean {
  const wanted = tags.map((tag) => tag.toLowerCase());
  return ({ instance: { service } }) =>
    wanted.length === 0 || wanted.every((tag) => service.tags.some((held) => held.toLowerCase() === tag));
}

/** The rest of a path that must not be empty; `what` is how Consul names it. */
export function requireValue(value: string, what: string): string {
  if (value === '') throw new AgentError('badRequest', `Missing ${what}`);
  return value;
}
