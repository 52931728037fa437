/** Which routes a path belongs to: one look-up for each of its segments. */
import { AgentError } from '../../base/errors.ts';
import type { Route } from '../endpoint/route.ts';

/** The routes of one path, one for each method, and what stood in the place of its parameters. */
export interface RouteMatch {
  /** As declared, never what a stranger sent. */
  readonly path: string;
  readonly routes: readonly Route[];
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Segments are percent-decoded once, so an encoded slash stays within its segment. Words go before parameters,
 * parameters before the rest of a path. Throws `AgentError` at a broken percent sign.
 *
 * Source: T5 to T7 (docs/consul.md).
 */
export function createRouter(routes: readonly Route[]): (path: string) => RouteMatch | undefined {
  const root = new TrieNode();
  for (const route of routes) insertRoute(root, route);
  return (path) => {
    const values: string[] = [];
    const end = matchSegments(root, path.split('/').map(decode), 0, values);
    if (end === undefined) return undefined;
    return { path: end.path, routes: end.routes, params: paramsOf(end.paramNames, values) };
  };
}

/** Where a declared path ends. */
interface TrieLeaf {
  readonly path: string;
  readonly paramNames: readonly string[];
  readonly routes: Route[];
}

class TrieNode {
  readonly literals = new Map<string, TrieNode>();
  /** Any one segment that is not empty. */
  param: TrieNode | undefined;
  /** Whatever is left, possibly empty. */
  wildcard: TrieLeaf | undefined;
  leaf: TrieLeaf | undefined;
}

function insertRoute(root: TrieNode, route: Route): void {
  const names: string[] = [];
  let fork = root;
  for (const segment of route.path.split('/')) {
    if (!segment.startsWith(':')) {
      const next = fork.literals.get(segment) ?? new TrieNode();
      fork.literals.set(segment, next);
      fork = next;
    } else if (segment.endsWith('...')) {
      names.push(segment.slice(1, -3));
      fork.wildcard ??= { path: route.path, paramNames: names, routes: [] };
      fork.wildcard.routes.push(route);
      return;
    } else {
      names.push(segment.slice(1));
      fork.param ??= new TrieNode();
      fork = fork.param;
    }
  }
  fork.leaf ??= { path: route.path, paramNames: names, routes: [] };
  fork.leaf.routes.push(route);
}

function matchSegments(
  fork: TrieNode,
  segments: readonly string[],
  at: number,
  values: string[],
): TrieLeaf | undefined {
  const segment = segments[at];
  if (segment === undefined) return fork.leaf;
  const word = fork.literals.get(segment);
  const found = word === undefined ? undefined : matchSegments(word, segments, at + 1, values);
  if (found !== undefined) return found;
  if (fork.param !== undefined && segment !== '') {
    const held = values.length;
    values.push(segment);
    const end = matchSegments(fork.param, segments, at + 1, values);
    if (end !== undefined) return end;
    values.length = held;
  }
  if (fork.wildcard !== undefined) values.push(segments.slice(at).join('/'));
  return fork.wildcard;
}

const paramsOf = (names: readonly string[], values: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name, i) => [name, values[i] as string]));

function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new AgentError('badRequest', 'Invalid path: a % must be followed by two hex digits of UTF-8');
  }
}
