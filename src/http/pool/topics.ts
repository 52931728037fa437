/** The topics that a reply depends on. A reply that shows anything beyond its topics would be served stale. */
import type { Topic } from '../../agent/contract/view.ts';
import { isSelfService } from '../../agent/readers/self-service.ts';
import type { Site } from '../endpoint/site.ts';

/** An instance list on more nodes than this depends on the topic of all nodes instead of one topic per node. */
const MAX_NODE_TOPICS = 16;

/**
 * The topics of a list of instances: the service itself, and the nodes it runs on for their address and meta.
 *
 * Source: B4, B5 (docs/consul.md).
 */
export function serviceTopics(site: Site, service: string): Topic[] {
  const topics: Topic[] = [`service:${service.toLowerCase()}`];
  if (isSelfService(site, service)) return [...topics, 'nodes'];
  const nodes = new Set<Topic>();
  for (const { node } of site.agent.view.catalog.instances(service)) {
    nodes.add(`node:${node}`);
    if (nodes.size > MAX_NODE_TOPICS) return [...topics, 'nodes'];
  }
  return [...topics, ...nodes];
}

/** The topics of a node and its entries. An unknown node may appear under any spelling, so it depends on all nodes. */
export function nodeTopics(site: Site, node: string): Topic[] {
  const { view } = site.agent;
  const name = view.member(node)?.name ?? view.catalog.externalNode(node)?.name;
  return name === undefined ? ['nodes', `entries:${node}`] : [`node:${name}`, `entries:${name}`];
}
