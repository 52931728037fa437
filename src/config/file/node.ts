/** The values of a parsed YAML or JSON file, with their lines. */

/** A parsed value and its line; for a value in a map, the line of its key. */
export interface ConfigNode {
  readonly line: number;
  readonly value: string | number | boolean | null | readonly ConfigNode[] | ReadonlyMap<string, ConfigNode>;
}

/** The line of the node at a path inside a value, or of the last node found on that path. */
export function lineAt(node: ConfigNode, [first, ...rest]: readonly (string | number)[]): number {
  const { value } = node;
  const next =
    typeof first === 'number' && Array.isArray(value)
      ? (value as readonly ConfigNode[])[first]
      : typeof first === 'string' && value instanceof Map
        ? (value as ReadonlyMap<string, ConfigNode>).get(first)
        : undefined;
  return next === undefined ? node.line : lineAt(next, rest);
}

/** A path inside a file as messages have it: `checks[2].interval`. Positions count from 1. */
export const formatPath = (path: readonly (string | number)[]): string =>
  path.map((at, i) => (typeof at === 'number' ? `[${at + 1}]` : i === 0 ? at : `.${at}`)).join('');

/** The plain value of a node; `toMap` makes the maps in it. */
export function withoutLines(
  { value }: ConfigNode,
  toMap: (entries: [string, unknown][]) => unknown,
): unknown {
  if (Array.isArray(value)) return (value as readonly ConfigNode[]).map((item) => withoutLines(item, toMap));
  if (value instanceof Map)
    return toMap(
      [...(value as ReadonlyMap<string, ConfigNode>)].map(([key, node]) => [key, withoutLines(node, toMap)]),
    );
  return value;
}
