/** Finds the routes of a path in a trie: one look-up per segment. */
import { AgentError } from '../../base/errors.ts';
import type { Route } from '../endpoint/route.ts';

/** The routes of one path, one per method, and the values of its parameters. */
export interface RouteMatch {
  /** The path as declared, without text of the client. */
  readonly path: string;
  readonly routes: readonly Route[];
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Segments are percent-decoded once, so an encoded slash stays within its segment. Literal segments take precedence
 * over parameters, and parameters over the rest of a path. Throws `AgentError` at a broken percent sign.
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

/** The end of a declared path. */
interface TrieLeaf {
  readonly path: string;
  readonly paramNames: readonly string[];
  readonly routes: Route[];
}

class TrieNode {
  readonly literals = new Map<string, TrieNode>();
  /** Matches one segment that is not empty. */
  param: TrieNode | undefined;
  /** Matches the rest of the path, possibly empty. */
  wildcard: TrieLeaf | undefined;
  leaf: TrieLeaf | undefined;
}

function insertRoute(root: TrieNode, route: Route): void {
  const names: string[] = [];
  let node = root;
  for (const segment of route.path.split('/')) {
    if (!segment.startsWith(':')) {
      const next = node.literals.get(segment) ?? new TrieNode();
      node.literals.set(segment, next);
      node = next;
    } else if (segment.endsWith('...')) {
      names.push(segment.slice(1, -3));
      node.wildcard ??= { path: route.path, paramNames: names, routes: [] };
      node.wildcard.routes.push(route);
      return;
    } else {
      names.push(segment.slice(1));
      node.param ??= new TrieNode();
      node = node.param;
    }
  }
  node.leaf ??= { path: route.path, paramNames: names, routes: [] };
  node.leaf.routes.push(route);
}

function matchSegments(
  node: TrieNode,
  segments: readonly string[],
  at: number,
  values: string[],
): TrieLeaf | undefined {
  const segment = segments[at];
  if (segment === undefined) return node.leaf;
  const literal = node.literals.get(segment);
  const exact = literal === undefined ? undefined : matchSegments(literal, segments, at + 1, values);
  if (exact !== undefined) return exact;
  if (node.param !== undefined && segment !== '') {
    const { length } = values;
    values.push(segment);
    const end = matchSegments(node.param, segments, at + 1, values);
    if (end !== undefined) return end;
    values.length = length;
  }
  if (node.wildcard !== undefined) values.push(segments.slice(at).join('/'));
  return node.wildcard;
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
