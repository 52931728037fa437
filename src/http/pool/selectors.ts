/** Query parameters that select nodes, instances and checks of a list. */

import { AgentError } from '../../base/errors.ts';
import { listParam, pairsParam, textParam } from '../endpoint/query.ts';
import type { MetaFilter, ServiceInstance } from './pool.ts';

/** For lists that can be narrowed by node meta and sorted by `near`. There is one pool: lists of a peer are empty. */
export const NODE_PARAMS = { 'node-meta': pairsParam, near: textParam, peer: textParam };

/** For lists of instances. */
export const INSTANCE_PARAMS = { ...NODE_PARAMS, tag: listParam };

export interface PoolSelector {
  readonly 'node-meta': MetaFilter;
  readonly peer: string;
}

export const isLocalPeer = ({ peer }: PoolSelector): boolean => peer === '';

/** Selects instances that have all of these tags, in any case. Source: T8 (docs/consul.md). */
export function hasTags(tags: readonly string[]): (serviceInstance: ServiceInstance) => boolean {
  const wanted = tags.map((tag) => tag.toLowerCase());
  return ({ instance: { service } }) =>
    wanted.length === 0 || wanted.every((tag) => service.tags.some((own) => own.toLowerCase() === tag));
}

/** Returns the value of a required parameter; `what` is Consul's name for it in the error. */
export function requireValue(value: string, what: string): string {
  if (value === '') throw new AgentError('badRequest', `Missing ${what}`);
  return value;
}
