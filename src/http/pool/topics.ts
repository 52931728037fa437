/** What answers depend on. An answer that shows something none of its topics tells of would be read stale. */
import type { Topic } from '../../agent/contract/view.ts';
import type { Site } from '../endpoint/site.ts';
import { isSelfService } from './pool.ts';

/** Nodes that are named one by one; an instance list on more of them depends on the set of nodes. */
const MAX_NODE_TOPICS = 16;

/**
 * Of a list of instances: themselves, and the address and meta of the nodes they live on.
 *
 * Source: B4, B5 (docs/consul.md).
 */
export function serviceTopics(site: Site, service: string): Topic[] {
  const topics: Topic[] = [`service:${service.toLowerCase()}`];
  if (isSelfService(site, service)) return [...topics, 'nodes'];
  const hosts = new Set<Topic>();
  for (const { node } of site.agent.view.catalog.instances(service)) {
    hosts.add(`node:${node}`);
    if (hosts.size > MAX_NODE_TOPICS) return [...topics, 'nodes'];
  }
  return [...topics, ...hosts];
}

/** Of what one node has. One we do not know yet may come under any spelling. */
export function nodeTopics(site: Site, node: string): Topic[] {
  const name = site.agent.view.member(node)?.name;
  return name === undefined ? ['nodes', `entries:${node}`] : [`node:${name}`, `entries:${name}`];
}
