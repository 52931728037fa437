/** `near=`: nearest first, as far as round trips are known. */
import type { Millis } from '../../base/time.ts';
import { type Coordinate, distance } from '../../serf/coordinates.ts';
import type { Site } from '../endpoint/site.ts';

/**
 * Sorts by the estimated round trip from `near`: a node, or `_agent` for this one. Who has no coordinate comes last;
 * where `near` has none, or nobody knows it, the order stays.
 *
 * Source: Consul HTTP API, "List Nodes", parameter `near`.
 */
export function sortByRtt<T>(
  site: Site,
  near: string,
  items: readonly T[],
  nodeOf: (item: T) => string,
): readonly T[] {
  const from = coordinateNear(site, near);
  if (from === undefined) return items;
  const spans = new Map<string, number>();
  for (const item of items) {
    const node = nodeOf(item);
    if (!spans.has(node)) spans.set(node, rttTo(site, from, node));
  }
  const span = (item: T): number => spans.get(nodeOf(item)) ?? Infinity;
  return [...items].sort((a, b) => {
    const [left, right] = [span(a), span(b)];
    return left === right ? 0 : left - right;
  });
}

/** Estimated round trip from this agent in milliseconds; `undefined` if it is not known. */
export function estimateRtt(site: Site, node: string): Millis | undefined {
  const from = coordinateNear(site, '_agent');
  const span = from === undefined ? Infinity : rttTo(site, from, node);
  return span === Infinity ? undefined : span;
}

function coordinateNear({ agent: { view } }: Site, near: string): Coordinate | undefined {
  if (near === '') return undefined;
  return view.coordinate(near === '_agent' ? view.node : (view.member(near)?.name ?? near));
}

/** To a node itself it is nothing, whatever its height says. */
function rttTo({ agent: { view } }: Site, from: Coordinate, node: string): number {
  const to = view.coordinate(node);
  return to === undefined ? Infinity : to === from ? 0 : distance(from, to);
}
