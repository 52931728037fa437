/**
 * Declares every setting of the agent once; those of the protocol are in protocol.ts. Flags, environment variables, file
 * keys, help texts and docs/config.md are derived from here.
 */
import type { Address } from '../base/address.ts';
import { containersSection } from './containers.ts';
import { handlersSetting } from './handlers.ts';
import { jobSettings } from './jobs.ts';
import {
  validateCidr,
  validateClusterName,
  validateDatacenter,
  validateDomain,
  validateGossipKey,
  validateLabel,
  validateNodeName,
  validateNotEmpty,
  validateSelfService,
} from './names.ts';
import { onStopSetting } from './on-stop.ts';
import { PRESET_NAMES } from './presets.ts';
import { type SerfConfig, type SwimConfig, serfSection, swimSection } from './protocol.ts';
import { dnsSection } from './servers/dns.ts';
import { httpSection } from './servers/http.ts';
import { preferenceSettings } from './servers/preferences.ts';
import { rpcSection } from './servers/rpc.ts';
import type { TokenFileKey } from './servers/tokens.ts';
import {
  booleanSetting,
  defineSection,
  durationSetting,
  integerSetting,
  type Section,
  type Setting,
  type SettingValues,
} from './setting.ts';
import {
  addressSetting,
  choiceSetting,
  listSetting,
  tagsSetting,
  textSetting,
  validateHostPort,
} from './text.ts';

/** Bytes of a member's metadata, which carries the tags. Source: memberlist MetaMaxSize. */
export const MAX_TAGS_BYTES = 512;
export const GOSSIP_PORT = 7946;
/** The file of a data directory that has the gossip keys. */
export const KEYRING_NAME = 'keyring';
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const agentSection = defineSection({
  node: textSetting({
    default: undefined,
    defaultText: "the host's name",
    placeholder: 'NAME',
    validate: validateNodeName,
    bounds: 'at most 128 bytes, printable; DNS can say letters, digits, "-" and "."',
    doc: 'Name of this node, unique in the cluster; names that differ in letter case only are one.',
    source: 'serf Config.NodeName',
  }),
  bind: addressSetting({
    port: GOSSIP_PORT,
    unspecified: true,
    defaultText: '127.0.0.1:7946 without a gossip key, 0.0.0.0:7946 with one or with `interface`',
    doc: 'Address that gossip listens on, UDP and TCP. Port 0 picks a free one.',
    source: 'memberlist Config.BindAddr, BindPort',
  }),
  interface: textSetting({
    default: undefined,
    defaultText: 'none',
    placeholder: 'NAME',
    validate: validateNotEmpty,
    doc: 'Network interface whose address gossip listens on, with the port of `bind`; its first address is taken at the start, IPv4 before IPv6. An address in `bind` must be one of it.',
    source: 'serf agent -iface',
  }),
  advertise: addressSetting({
    port: 0,
    unspecified: false,
    defaultText: 'the bound address, or the first private one',
    doc: 'Address that other members dial; without a port, the bound port. If it is not set and gossip is bound to all addresses, the agent picks an address of this host and follows its changes.',
    source: 'memberlist Config.AdvertiseAddr, AdvertisePort',
  }),
  join: listSetting({
    placeholder: 'ADDR[:PORT]',
    validate: validateHostPort,
    doc: 'Member to join through at start, or the name of SRV records, as in `_hearsay._tcp.example.org`; the agent exits if none answers within a few seconds.',
    source: 'serf agent -join',
  }),
  retryJoin: listSetting({
    reloads: true,
    placeholder: 'ADDR[:PORT]',
    validate: validateHostPort,
    doc: 'Member to join through, or the name of SRV records; retried until one answers and again after a partition.',
    source: 'serf agent -retry-join',
  }),
  retryJoinMax: integerSetting({
    default: 0,
    max: 1_000_000,
    defaultText: '0, no limit',
    doc: 'Attempts to join at the start, through all seeds each, after which the agent gives up and exits, as long as none has answered.',
    source: 'serf agent -retry-max',
  }),
  retryJoinInterval: durationSetting({
    default: '0s',
    max: '1h',
    defaultText: '0s, which is two seconds at first, then longer and longer, up to thirty',
    doc: 'Pause between the attempts to join at the start, a quarter more or less, and 200ms at least. It ends when a seed has answered: what is missing later is looked for at a pace of its own.',
    source: 'serf agent -retry-interval',
  }),
  discover: textSetting({
    default: undefined,
    defaultText: 'none',
    placeholder: 'NAME',
    validate: validateClusterName,
    bounds: '1 to 57 letters, digits, "-" or "_"',
    doc: 'Cluster name to announce and to look for on the LAN, by multicast DNS: agents of the same name join one another, Serf agents included. Without a gossip key every host on the LAN can join.',
    source: 'serf agent -discover',
  }),
  rejoinAfterLeave: booleanSetting({
    default: true,
    doc: 'Join the members of the last run at the start, also where this agent has left them.',
    offDoc: 'Do not join the members of the last run at the start if this agent has left them.',
    source: 'serf agent -rejoin; off there unless it is set',
  }),
  replayOnJoin: booleanSetting({
    default: false,
    doc: 'Hear the user events from before the first join of this agent, too, as far as the others keep them.',
    source: 'serf agent -replay',
  }),
  onStop: onStopSetting({
    reloads: true,
    doc:
      'What SIGTERM and SIGINT mean. With leave the node leaves the cluster. With pause it stops without leaving: other ' +
      'agents keep its row and its services, as they are, until it is back or the duration (30s) is over. ' +
      '`hearsay leave` always leaves.',
  }),
  tag: tagsSetting({
    reloads: true,
    maxBytes: MAX_TAGS_BYTES,
    doc: 'Serf tag of this node; repeat the flag for several.',
    source: 'serf Config.Tags',
  }),
  datacenter: textSetting({
    default: 'dc1',
    placeholder: 'NAME',
    validate: validateDatacenter,
    bounds: 'one DNS label',
    doc: 'Name of the datacenter in HTTP responses and DNS names.',
    source: 'consul datacenter',
  }),
  ...httpSection,
  ...dnsSection,
  ...rpcSection,
  domain: textSetting({
    default: 'hearsay',
    placeholder: 'NAME',
    validate: validateDomain,
    doc: 'Domain that DNS answers for.',
    source: 'consul domain',
  }),
  altDomain: textSetting({
    default: 'consul',
    placeholder: 'NAME',
    validate: validateDomain,
    doc: 'Second domain that DNS answers for.',
    source: 'consul alt_domain',
  }),
  dataDir: textSetting({
    default: undefined,
    defaultText: 'none, state is kept in memory',
    placeholder: 'PATH',
    validate: validateNotEmpty,
    doc: 'Directory for the state that survives a restart, gossip keys included.',
  }),
  importSerfSnapshot: textSetting({
    default: undefined,
    defaultText: 'none',
    placeholder: 'PATH',
    validate: validateNotEmpty,
    doc: "Snapshot of a Serf agent that ran on this host: its members are joined at the first start. Later starts use the agent's own snapshot.",
    source: 'serf agent -snapshot',
  }),
  keyringFile: textSetting({
    default: undefined,
    defaultText: 'none',
    placeholder: 'PATH',
    validate: validateNotEmpty,
    doc: 'File with the gossip keys, as `hearsay keygen --keyring` writes it: a JSON array of base64 keys, the primary key first. With a data directory it is only read: keys that are rotated are stored there, and win until this file changes. Without one they are written to this file. A reload reads it again, and takes over what was edited.',
    source: 'serf agent -keyring-file',
  }),
  gossipKey: textSetting({
    default: undefined,
    defaultText: 'none, gossip is not encrypted',
    secret: true,
    validate: validateGossipKey,
    bounds: 'base64 of 16, 24 or 32 bytes',
    doc: 'Gossip key, as an alternative to a keyring file. Keys that are rotated are stored in the data directory, and win until this key changes; without a data directory they are in memory only.',
    source: 'serf agent -encrypt',
  }),
  label: textSetting({
    default: '',
    defaultText: 'none',
    placeholder: 'NAME',
    validate: validateLabel,
    bounds: 'at most 255 bytes',
    doc: 'Label on every packet and stream; traffic with another label is refused.',
    source: 'memberlist Config.Label',
  }),
  preset: choiceSetting({
    values: PRESET_NAMES,
    default: 'lan',
    doc: 'Timing of the protocol; single settings override it.',
    source: 'serf agent -profile',
  }),
  service: listSetting({
    reloads: true,
    placeholder: 'FILE|DIR',
    validate: validateNotEmpty,
    doc: 'File with service definitions, as Consul JSON or YAML, or a directory of such files.',
  }),
  watchServices: booleanSetting({
    default: false,
    doc: 'Reload when a file of service has changed, as `hearsay reload` does.',
  }),
  ...containersSection,
  allowExecChecks: booleanSetting({
    default: false,
    doc: 'Allow exec checks, but only in --service files.',
    source: 'consul enable_local_script_checks',
  }),
  execUser: textSetting({
    default: undefined,
    defaultText: 'the user of the agent',
    placeholder: 'NAME|UID:GID',
    validate: validateNotEmpty,
    doc: 'User as whom exec checks and handlers run. The agent must be root to switch.',
  }),
  handlers: handlersSetting({
    reloads: true,
    doc:
      'Programs and webhooks that handle member changes, user events and queries, as Serf event handlers do. ' +
      'Each has `on` (`member-join`, `member-leave`, `member-failed`, `member-update`, `member-reap`, `user`, ' +
      '`user:NAME`, `query`, `query:NAME` or `*`), either `run` (the program and its arguments) or `webhook` (the URL ' +
      'that receives a POST of JSON), and optionally `timeout` (default: one minute, for a webhook ten seconds).',
    source: 'serf agent -event-handler',
  }),
  ...jobSettings,
  checkAllow: listSetting({
    placeholder: 'CIDR',
    validate: validateCidr,
    doc: "Network that checks may connect to, besides loopback and the host's own addresses.",
  }),
  selfService: textSetting({
    default: 'consul',
    placeholder: 'NAME|off',
    validate: validateSelfService,
    bounds: 'a service name, or off',
    doc: 'Name of the service that each agent registers for itself, as tools written for Consul expect.',
  }),
  ...preferenceSettings,
  record: textSetting({
    default: undefined,
    defaultText: 'none, nothing is recorded',
    placeholder: 'FILE',
    validate: validateNotEmpty,
    doc: 'Record the inputs and decisions of this agent, for `hearsay replay`. Three earlier recordings are kept as FILE.1 to FILE.3.',
  }),
  recordRedact: booleanSetting({
    default: false,
    doc: 'Keep payloads, check outputs, metadata and how checks run out of the recording. Gossip keys are never recorded.',
  }),
  recordMaxBytes: integerSetting({
    default: 64 * 1024 * 1024,
    min: 64 * 1024,
    doc: 'Size in bytes at which the recording ends; the agent keeps running.',
  }),
  logLevel: choiceSetting({
    reloads: true,
    values: LOG_LEVELS,
    default: 'info',
    doc: 'Lowest level that is logged.',
  }),
  logFormat: choiceSetting({
    values: ['json', 'pretty'],
    default: undefined,
    defaultText: 'pretty on a terminal, else json',
    doc: 'Format of log lines. If json is asked for, all that the agent prints is JSON, one object per line.',
  }),
});

type AgentValues = SettingValues<typeof agentSection>;

/** Every setting with its value, computed defaults filled in. */
export interface AgentConfig extends Omit<AgentValues, 'node' | 'bind' | 'logFormat' | TokenFileKey> {
  readonly node: string;
  /** Port 0: any free port. */
  readonly bind: Address;
  /** Port 0: the bound port. `undefined`: the bound address, or the first private one. */
  readonly advertise: Address | undefined;
  readonly logFormat: 'json' | 'pretty';
  /** A key is configured, or the data directory has a keyring. */
  readonly encrypted: boolean;
  readonly swim: SwimConfig;
  readonly serf: SerfConfig;
}

export type { HandlerConfig } from './handlers.ts';
export type { SerfConfig, SwimConfig } from './protocol.ts';
export type { IpListenAddress, ListenAddress } from './text.ts';

/** A setting and its names. */
export interface SettingEntry {
  /** In a file: `swim.probeInterval`. */
  readonly key: string;
  /** `''` for the agent section. */
  readonly section: '' | 'swim' | 'serf';
  readonly setting: Setting<unknown>;
  /** `--swim-probe-interval`; `undefined` for a secret or a setting that only files may contain. */
  readonly flag: string | undefined;
  /** `HEARSAY_SWIM_PROBE_INTERVAL`. */
  readonly env: string;
}

const SECTIONS: readonly (readonly [SettingEntry['section'], Section])[] = [
  ['', agentSection],
  ['swim', swimSection],
  ['serf', serfSection],
];

/** Every setting by key, in the order of the documentation. */
export const SETTINGS: ReadonlyMap<string, SettingEntry> = new Map(
  SECTIONS.flatMap(([name, settings]) =>
    Object.entries(settings).map(([last, setting]): [string, SettingEntry] => {
      const key = name === '' ? last : `${name}.${last}`;
      const words = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replace('.', '-');
      const env = `HEARSAY_${words.replaceAll('-', '_').toUpperCase()}`;
      const flagName = setting.secret === true || setting.fileOnly === true ? undefined : `--${words}`;
      return [key, { key, section: name, setting, flag: flagName, env }];
    }),
  ),
);
