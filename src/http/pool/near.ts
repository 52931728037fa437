/** `near=`: sorts by estimated round trip, as far as coordinates are known, and puts suspected nodes last. */
import { suspectsLast } from '../../agent/readers/suspects-last.ts';
import type { Millis } from '../../base/time.ts';
import { type Coordinate, distance } from '../../serf/coordinates.ts';
import type { Site } from '../endpoint/site.ts';

type ViewSource = { readonly agent: Pick<Site['agent'], 'view'> };

/**
 * Sorts by the estimated round trip from `near`: a node, or `_agent` for this one. Nodes without a coordinate come
 * last; if `near` itself has none, or is unknown, the order stays. Whatever the distance, suspects come after the others.
 *
 * Source: Consul HTTP API, "List Nodes", parameter `near`.
 */
export function sortByRtt<T>(
  site: Site,
  near: string,
  items: readonly T[],
  nodeName: (item: T) => string,
): readonly T[] {
  if (near === '') return items;
  const sorted = sortByDistance(site, near, items, nodeName);
  return site.suspectsLast ? suspectsLast(sorted, site.agent.view.suspects(), nodeName) : sorted;
}

/** For this agent: by `priority`, within one nearest first, and whatever both say, suspects after the others. */
export function sortByPreference<T extends { readonly priority: number }>(
  site: Site,
  items: readonly T[],
  nodeName: (item: T) => string,
): readonly T[] {
  const nearest = sortByDistance(site, '_agent', items, nodeName);
  const sorted = [...nearest].sort((a, b) => a.priority - b.priority);
  return site.suspectsLast ? suspectsLast(sorted, site.agent.view.suspects(), nodeName) : sorted;
}

function sortByDistance<T>(
  site: Site,
  near: string,
  items: readonly T[],
  nodeName: (item: T) => string,
): readonly T[] {
  const from = coordinateNear(site, near);
  if (from === undefined) return items;
  const rtts = new Map<string, number>();
  for (const item of items) {
    const node = nodeName(item);
    if (!rtts.has(node)) rtts.set(node, rttTo(site, from, node));
  }
  const rtt = (item: T): number => rtts.get(nodeName(item)) ?? Infinity;
  return [...items].sort((a, b) => {
    const [left, right] = [rtt(a), rtt(b)];
    return left === right ? 0 : left - right;
  });
}

/** The estimated round trip from this agent in milliseconds; `undefined` if it is unknown. */
export function estimateRtt(site: ViewSource, node: string): Millis | undefined {
  const from = coordinateNear(site, '_agent');
  const rtt = from === undefined ? Infinity : rttTo(site, from, node);
  return rtt === Infinity ? undefined : rtt;
}

function coordinateNear({ agent: { view } }: ViewSource, near: string): Coordinate | undefined {
  if (near === '') return undefined;
  return view.coordinate(near === '_agent' ? view.node : (view.member(near)?.name ?? near));
}

/** A node is 0 from itself, whatever the height of its coordinate. */
function rttTo({ agent: { view } }: ViewSource, from: Coordinate, node: string): number {
  const to = view.coordinate(node);
  return to === undefined ? Infinity : to === from ? 0 : distance(from, to);
}
