/**
 * The filters of a Serf query, each a message of its own. Matching is in serf/.
 *
 * Source: serf messages.go, filterNode, filterTag; P54 (docs/protocol.md).
 */
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { arrayField, STR, str, struct } from './struct.ts';

/**
 * A query is for the members that match all of its filters. `unknown`: a filter of an unknown type, which matches
 * nobody.
 */
export type QueryFilter =
  | { readonly kind: 'nodes'; readonly nodes: readonly string[] }
  /** `expr` is an RE2 expression that must match somewhere in the value. Never give it to `new RegExp`. */
  | { readonly kind: 'tag'; readonly tag: string; readonly expr: string }
  | { readonly kind: 'unknown'; readonly type: number };

/** Names in one filter: as many as the entries of any list in a datagram. */
const MAX_NODES = 4096;
const FILTER_TYPE = { nodes: 0, tag: 1 } as const;
const NodesFilter = arrayField('', MAX_NODES, STR);
const TagFilter = struct('tag', FILTER_TYPE.tag, { tag: str('Tag'), expr: str('Expr') });

/** One entry of a query's filters. Throws `WireError`. */
export function decodeFilter(encoded: Uint8Array): QueryFilter {
  const reader = new MsgpackReader(encoded);
  const type = reader.byte();
  if (type === FILTER_TYPE.nodes) return { kind: 'nodes', nodes: NodesFilter.read(reader) };
  if (type === FILTER_TYPE.tag) return TagFilter.read(reader);
  return { kind: 'unknown', type };
}

export function encodeFilter(filter: Exclude<QueryFilter, { kind: 'unknown' }>): Uint8Array {
  if (filter.kind === 'tag') return TagFilter.encode(filter);
  const writer = new MsgpackWriter(128);
  writer.byte(FILTER_TYPE.nodes);
  NodesFilter.write(writer, filter.nodes);
  return writer.finish();
}
