/** Names of the queries that members ask one another without a word to programs. Source: serf internal_query.go. */

/** All of them begin so. */
export const INTERNAL_QUERY_PREFIX = '_serf_';
export const PING_QUERY = '_serf_ping';
export const CONFLICT_QUERY = '_serf_conflict';
/** Ours, and only asked where a tag says that it is understood: agents of Serf would warn of it (P68 in docs/protocol.md). */
export const WITNESS_QUERY = '_serf_hearsay-why';
export const KEY_QUERIES = {
  install: '_serf_install-key',
  use: '_serf_use-key',
  remove: '_serf_remove-key',
  list: '_serf_list-keys',
} as const;
