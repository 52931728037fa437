/** Which of many an answer holds: the parameters that lists of nodes, instances and checks share. */

import { AgentError } from '../../base/errors.ts';
import { list, pairs, text } from '../endpoint/query.ts';
import type { Meta, Sighting } from './pool.ts';

/** Of lists that a node's meta can narrow and `near` sort. There is one pool: another peer's part of it is empty. */
export const NODES = { 'node-meta': pairs, near: text, peer: text };

/** Of lists of instances. */
export const INSTANCES = { ...NODES, tag: list };

export interface Where {
  readonly 'node-meta': Meta;
  readonly peer: string;
}

/** Is it our own pool that is asked for? */
export const isOurs = ({ peer }: Where): boolean => peer === '';

/** Does an instance carry all of these tags? Case does not matter; an empty one nobody carries. Source: section 2. */
export function withTags(tags: readonly string[]): (sighting: Sighting) => boolean {
  const wanted = tags.map((tag) => tag.toLowerCase());
  return ({ instance: { service } }) =>
    wanted.length === 0 || wanted.every((tag) => service.tags.some((held) => held.toLowerCase() === tag));
}

/** The rest of a path that must not be empty; `what` is how Consul names it. */
export function required(value: string, what: string): string {
  if (value === '') throw new AgentError('badRequest', `Missing ${what}`);
  return value;
}
