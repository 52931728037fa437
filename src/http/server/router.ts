/** Which routes a path belongs to: one look-up for each of its segments. */
import { AgentError } from '../../base/errors.ts';
import type { Route } from '../endpoint/route.ts';

/** The routes of one path, one for each method, and what stood in the place of its parameters. */
export interface Place {
  /** As declared, never what a stranger sent. */
  readonly path: string;
  readonly routes: readonly Route[];
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Segments are percent-decoded once, so an encoded slash stays within its segment. Words go before parameters,
 * parameters before the rest of a path. Throws `AgentError` at a broken percent sign.
 *
 * Source: http.md T5 to T7.
 */
export function router(routes: readonly Route[]): (path: string) => Place | undefined {
  const root = new Fork();
  for (const route of routes) plant(root, route);
  return (path) => {
    const values: string[] = [];
    const end = follow(root, path.split('/').map(decode), 0, values);
    if (end === undefined) return undefined;
    return { path: end.path, routes: end.routes, params: paramsOf(end.names, values) };
  };
}

/** Where a declared path ends. */
interface End {
  readonly path: string;
  readonly names: readonly string[];
  readonly routes: Route[];
}

class Fork {
  readonly words = new Map<string, Fork>();
  /** Any one segment that is not empty. */
  any: Fork | undefined;
  /** Whatever is left, possibly empty. */
  rest: End | undefined;
  end: End | undefined;
}

function plant(root: Fork, route: Route): void {
  const names: string[] = [];
  let fork = root;
  for (const segment of route.path.split('/')) {
    if (!segment.startsWith(':')) {
      const next = fork.words.get(segment) ?? new Fork();
      fork.words.set(segment, next);
      fork = next;
    } else if (segment.endsWith('...')) {
      names.push(segment.slice(1, -3));
      fork.rest ??= { path: route.path, names, routes: [] };
      fork.rest.routes.push(route);
      return;
    } else {
      names.push(segment.slice(1));
      fork.any ??= new Fork();
      fork = fork.any;
    }
  }
  fork.end ??= { path: route.path, names, routes: [] };
  fork.end.routes.push(route);
}

function follow(fork: Fork, segments: readonly string[], at: number, values: string[]): End | undefined {
  const segment = segments[at];
  if (segment === undefined) return fork.end;
  const word = fork.words.get(segment);
  const found = word === undefined ? undefined : follow(word, segments, at + 1, values);
  if (found !== undefined) return found;
  if (fork.any !== undefined && segment !== '') {
    const held = values.length;
    values.push(segment);
    const end = follow(fork.any, segments, at + 1, values);
    if (end !== undefined) return end;
    values.length = held;
  }
  if (fork.rest !== undefined) values.push(segments.slice(at).join('/'));
  return fork.rest;
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
