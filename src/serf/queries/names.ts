/** Names of internal queries, which agents answer without involving programs. Source: serf internal_query.go. */

/** The prefix of all internal queries. */
export const INTERNAL_QUERY_PREFIX = '_serf_';
export const PING_QUERY = '_serf_ping';
export const CONFLICT_QUERY = '_serf_conflict';
/** Not one of Serf's: sent only to members with the tag for it, since Serf agents would log a warning (P68 in docs/protocol.md). */
export const WITNESS_QUERY = '_serf_hearsay-why';
/** As the one before: members test the ways between them, and report what they found (P83). */
export const LINKS_QUERY = '_serf_hearsay-links';
/** How far an agent serves the ledgers of some owners; sent only to members with the tag for it, too. */
export const SERVED_QUERY = '_serf_hearsay-served';
export const KEY_QUERIES = {
  install: '_serf_install-key',
  use: '_serf_use-key',
  remove: '_serf_remove-key',
  list: '_serf_list-keys',
} as const;
