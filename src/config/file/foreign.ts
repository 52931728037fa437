/** Keys of Consul's and Serf's configuration files, and what stands for each here. For messages: no such key is read. */

import { SETTINGS } from '../schema.ts';
import type { ConfigNode } from './node.ts';

type Project = 'Consul' | 'Serf' | 'Consul and Serf';

/** Keys with a counterpart under another name; those of Consul that settings name as their source are added. */
const COUNTERPARTS: readonly (readonly [Project, keys: Readonly<Record<string, string>>])[] = [
  [
    'Consul and Serf',
    {
      node_name: '`node`',
      retry_join: '`retryJoin`',
      retry_interval: '`retryJoinInterval`',
      start_join: '`join`',
      log_level: '`logLevel`',
      rejoin_after_leave: '`rejoinAfterLeave`',
      leave_on_terminate: '`onStop` (`leave` or `pause`)',
    },
  ],
  [
    'Consul',
    {
      bind_addr: '`bind`',
      retry_max: '`retryJoinMax`',
      advertise_addr: '`advertise`',
      client_addr: 'the address in `http` and in `dns`',
      'addresses.https': '`http`, with `httpTlsCert`',
      'ports.https': '`http`, with `httpTlsCert`',
      cert_file: '`httpTlsCert`',
      key_file: '`httpTlsKey`',
      ca_file: '`httpTlsClientCa`',
      verify_incoming: '`httpTlsClientCa`',
      'ports.serf_lan': 'the port in `bind`',
      data_dir: '`dataDir`',
      encrypt: 'the variable HEARSAY_GOSSIP_KEY, or `keyringFile`',
      node_meta: '`tag`',
      log_json: '`logFormat: json`',
      enable_script_checks: '`allowExecChecks`, for checks in service files',
      advertise_addr_ipv4: '`advertise`',
      advertise_addr_ipv6: '`advertise`',
      serf_lan: '`bind`',
      'unix_sockets.mode': 'the mode of the folder of the socket file in `http`',
      log_file: 'the standard error of the agent: let the service manager store it',
      reconnect_timeout: '`serf.reconnectTimeout`',
      'gossip_lan.probe_interval': '`swim.probeInterval`',
      'gossip_lan.probe_timeout': '`swim.probeTimeout`',
      'gossip_lan.suspicion_mult': '`swim.suspicionMult`',
      'gossip_lan.gossip_interval': '`swim.gossipInterval`',
      'gossip_lan.gossip_nodes': '`swim.gossipNodes`',
      'gossip_lan.retransmit_mult': '`swim.retransmitMult`',
      service: 'a file of its own, named by `service`',
      services: 'a file of its own, named by `service`',
      check: 'a check of a service, in a file named by `service`',
      checks: 'checks of a service, in a file named by `service`',
      watches: '`handlers`, for member changes, user events and queries',
      'http_config.allow_write_http_from': '`httpToken`',
    },
  ],
  [
    'Serf',
    {
      tags: '`tag`',
      role: 'the tag `role` in `tag`',
      profile: '`preset`',
      protocol: '`serf.protocol`',
      encrypt_key: 'the variable HEARSAY_GOSSIP_KEY, or `keyringFile`',
      keyring_file: '`keyringFile`',
      snapshot_path: '`dataDir` (`importSerfSnapshot` reads an old one)',
      tags_file: '`tag`: what `hearsay tags` sets is kept in `dataDir`',
      event_handlers: '`handlers`',
      broadcast_timeout: '`serf.broadcastTimeout`',
      reconnect_interval: '`serf.reconnectInterval`',
      tombstone_timeout: '`serf.tombstoneTimeout`',
      user_event_size_limit: '`serf.eventBytes`',
      query_size_limit: '`serf.queryBytes`',
      query_response_size_limit: '`serf.queryResponseBytes`',
      interface: '`interface`',
      retry_max_attempts: '`retryJoinMax`',
      replay_on_join: '`replayOnJoin`',
      disable_name_resolution: '`serf.nameVote`, inverted',
      enable_compression: '`swim.compression`',
      rpc_addr: '`rpc`',
      rpc_auth: 'the variable HEARSAY_RPC_AUTH, or `rpcAuthFile`',
    },
  ],
];

/** Keys of what does not exist here, with the reason where it is not plain. */
const ABSENT: readonly (readonly [Project, reason: string, keys: string])[] = [
  [
    'Consul',
    'there are no servers here, every agent is alike',
    'server bootstrap bootstrap_expect autopilot raft_protocol raft_logstore raft_snapshot_threshold raft_snapshot_interval raft_trailing_logs non_voting_server read_replica performance primary_datacenter server_rejoin_age_max rpc session_ttl_min',
  ],
  [
    'Consul',
    'there is one datacenter',
    'retry_join_wan start_join_wan retry_interval_wan retry_max_wan advertise_addr_wan gossip_wan serf_wan reconnect_timeout_wan translate_wan_addrs segment segments peering primary_gateways partition',
  ],
  [
    'Consul',
    'there are no ACLs: `httpToken` guards the HTTP API',
    'acl acl_token acl_datacenter acl_default_policy default_intention_policy enable_acl_replication',
  ],
  ['Consul', 'there is no mesh', 'connect config_entries xds enable_central_service_config'],
  [
    'Consul',
    'gossip is encrypted by a key; `httpTlsCert` is for HTTP',
    'tls auto_encrypt auto_config ca_path server_name verify_outgoing verify_server_hostname enable_agent_tls_for_checks encrypt_verify_incoming encrypt_verify_outgoing',
  ],
  ['Consul', 'metrics are always at /v1/agent/metrics?format=prometheus', 'telemetry'],
  ['Serf', 'metrics are always at /v1/agent/metrics?format=prometheus', 'statsd_addr statsite_addr'],
  ['Serf', 'names that DNS cannot say are warned of', 'validate_node_names'],
  ['Serf', '`discover` uses the interface of gossip, which `interface` or `bind` says', 'mdns iface'],
  ['Consul and Serf', '', 'enable_syslog syslog_facility skip_leave_on_interrupt disable_coordinates'],
  [
    'Consul',
    '',
    'ui_dir enable_debug pid_file disable_update_check limits cache node_id disable_host_node_id disable_anonymous_signature disable_keyring_file disable_remote_exec use_streaming_backend auto_reload_config experiments reporting license_path audit cloud locality protocol log_rotate_bytes log_rotate_duration log_rotate_max_files discovery_max_stale max_query_time default_query_time check_output_max_size check_update_interval discard_check_output disable_http_unprintable_char_filter serf_lan_allowed_cidrs advertise_reconnect_timeout',
  ],
];

const HINTS: ReadonlyMap<string, string> = new Map([
  ...ABSENT.flatMap(([project, reason, keys]) =>
    keys
      .split(' ')
      .map((key): [string, string] => [
        key,
        `${of(project)} \`${key}\` has no counterpart${reason === '' ? '' : ` (${reason})`}: remove it`,
      ]),
  ),
  ...sourcesOfSettings().map(([key, here]): [string, string] => [
    key,
    sentence('Consul', key, `\`${here}\``),
  ]),
  ...COUNTERPARTS.flatMap(([project, keys]) =>
    Object.entries(keys).map(([key, here]): [string, string] => [key, sentence(project, key, here)]),
  ),
]);

/** Every key of Consul that is known here with its sentence, for the guide and its test. */
export const consulKeyHints = (): readonly (readonly [key: string, sentence: string])[] =>
  [...HINTS].filter(([, sentence]) => sentence.startsWith("Consul's"));

/** What to write instead of a key of Consul or Serf; one entry for each key below it. Empty for other keys. */
export function foreignKeyHints(
  key: string,
  node: ConfigNode,
): readonly { readonly node: ConfigNode; readonly hint: string }[] {
  const hint = HINTS.get(key);
  if (hint !== undefined) return [{ node, hint }];
  if (!(node.value instanceof Map) || ![...HINTS.keys()].some((known) => known.startsWith(`${key}.`)))
    return [];
  return [...(node.value as ReadonlyMap<string, ConfigNode>)].flatMap(([last, inner]) => {
    const below = foreignKeyHints(`${key}.${last}`, inner);
    return below.length > 0
      ? below
      : [{ node: inner, hint: `Consul's \`${key}.${last}\` has no counterpart: remove it` }];
  });
}

/** Settings that say which keys of Consul they come from. */
function sourcesOfSettings(): [key: string, here: string][] {
  return [...SETTINGS.values()].flatMap(({ key, setting }) =>
    (/^consul (.+)$/.exec(setting.source ?? '')?.[1] ?? '')
      .split(', ')
      .filter((source) => source !== '' && source !== key)
      .map((source): [string, string] => [source, key]),
  );
}

function of(project: Project): string {
  return project === 'Consul and Serf' ? "Consul's and Serf's" : `${project}'s`;
}

function sentence(project: Project, key: string, here: string): string {
  return `${of(project)} \`${key}\` is ${here} here`;
}
