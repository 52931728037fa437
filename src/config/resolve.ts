/**
 * Resolves flags, environment, files, preset and defaults to one configuration, with the origin of each value. Files are
 * read by files/config-files.ts.
 */
import { isLoopback, parseAddress } from '../base/address.ts';
import { AgentError } from '../base/errors.ts';
import { type ConfigFile, type FileValue, parseConfigFile } from './file/parse.ts';
import { isHostNodeName, suggestSimilar, toNodeName } from './names.ts';
import { PRESETS, type PresetName } from './presets.ts';
import { type AgentConfig, GOSSIP_PORT, SETTINGS, type SettingEntry } from './schema.ts';
import { rejectTlsContradictions } from './servers/http.ts';
import { HTTP_TOKEN_KEYS, TOKEN_KEYS, type TokenKey } from './servers/tokens.ts';
import { formatDuration } from './setting.ts';

export interface ConfigSources {
  /** Raw values by setting key (`swim.probeInterval`): text, a list of texts, or a boolean. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Later files override earlier ones. */
  readonly files: readonly ConfigFile[];
  readonly hostname: string;
  /** Whether the log goes to a terminal. Decides the default of `logFormat`. */
  readonly terminal?: boolean;
  /** Whether a data directory has a keyring. Then gossip is encrypted, whatever is configured. */
  readonly hasKeyring?: (dataDir: string) => boolean;
}

export interface ResolvedConfig {
  readonly config: AgentConfig;
  /** All values by setting key, those of token files included. */
  readonly values: ReadonlyMap<string, unknown>;
  /** By key: `flag --node`, `env HEARSAY_NODE`, `file PATH:LINE`, `preset lan` or `default`. */
  readonly origins: ReadonlyMap<string, string>;
  /** Messages about settings that are valid but probably not intended. */
  readonly warnings: readonly string[];
}

/**
 * Flags override the environment, which overrides files, the preset and the defaults, in this order. Throws
 * `AgentError`: `badRequest` for a flag, `config` otherwise, naming the flag, the variable, or file, line and key.
 */
export function resolveConfig(sources: ConfigSources): ResolvedConfig {
  const fromFiles = mergeFiles(sources.files);
  const values = new Map<string, unknown>();
  const origins = new Map<string, string>();
  const resolve = (entry: SettingEntry, preset: PresetName): void => {
    const [value, origin] = lookUpSetting(entry, sources, fromFiles, preset);
    values.set(entry.key, value);
    origins.set(entry.key, origin);
  };
  // The preset comes from the same sources; it is resolved first, since it provides defaults for others.
  resolve(SETTINGS.get('preset') as SettingEntry, 'lan');
  const preset = values.get('preset') as PresetName;
  for (const entry of SETTINGS.values()) resolve(entry, preset);

  fillComputedDefaults(values, sources);
  const config = toAgentConfig(values, isEncrypted(values, sources));
  rejectContradictions(
    config,
    TOKEN_KEYS.filter((key) => values.get(`${key}File`) !== undefined),
  );
  return {
    config,
    values,
    origins,
    warnings: [...unknownVariableWarnings(sources.env), ...valueWarnings(config)],
  };
}

function lookUpSetting(
  { key, section, setting, flag, env }: SettingEntry,
  { flags, env: variables }: ConfigSources,
  fromFiles: ReadonlyMap<string, FileValue>,
  preset: PresetName,
): [value: unknown, origin: string] {
  const raw = flags[key];
  if (raw !== undefined && flag !== undefined)
    return [
      parseNamed(() => setting.parse(raw), 'badRequest', flag),
      `flag ${raw === false ? `--no-${flag.slice(2)}` : flag}`,
    ];
  const variable = variables[env];
  if (variable !== undefined && variable !== '' && setting.fileOnly === true)
    throw new AgentError('config', `${env}: ${key} is only read from a configuration file: set it there`);
  if (variable !== undefined && variable !== '')
    return [parseNamed(() => setting.parse(variable), 'config', env), `env ${env}`];
  const found = fromFiles.get(key);
  if (found !== undefined) return [found.value, `file ${found.location}`];
  const overlay: Readonly<Record<string, unknown>> = PRESETS[preset];
  const last = key.slice(key.indexOf('.') + 1);
  if (section === 'swim' && Object.hasOwn(overlay, last)) return [overlay[last], `preset ${preset}`];
  return [setting.default, 'default'];
}

function parseNamed(parse: () => unknown, code: 'badRequest' | 'config', name: string): unknown {
  try {
    return parse();
  } catch (error) {
    throw new AgentError(code, `${name}: ${(error as Error).message}`);
  }
}

function mergeFiles(files: readonly ConfigFile[]): ReadonlyMap<string, FileValue> {
  const merged = new Map<string, FileValue>();
  for (const file of files) {
    const { found, problems } = parseConfigFile(file);
    if (problems[0] !== undefined) throw new AgentError('config', problems[0]);
    for (const [key, value] of found) merged.set(key, value);
  }
  return merged;
}

/** Fills the defaults that depend on other values or on the host. */
function fillComputedDefaults(values: Map<string, unknown>, sources: ConfigSources): void {
  const encrypted = isEncrypted(values, sources);
  const fill = (key: string, value: unknown): void => {
    if (values.get(key) === undefined) values.set(key, value);
  };
  fill('node', toNodeName(sources.hostname));
  const isOpen = encrypted || values.get('interface') !== undefined;
  fill('bind', parseAddress(isOpen ? '0.0.0.0' : '127.0.0.1', GOSSIP_PORT));
  fill('logFormat', sources.terminal === true ? 'pretty' : 'json');
}

const TOKEN_FILE_KEYS: ReadonlySet<string> = new Set(TOKEN_KEYS.map((key) => `${key}File`));

function isEncrypted(values: ReadonlyMap<string, unknown>, { hasKeyring }: ConfigSources): boolean {
  const dataDir = values.get('dataDir');
  const isStored = typeof dataDir === 'string' && hasKeyring?.(dataDir) === true;
  return isStored || values.get('gossipKey') !== undefined || values.get('keyringFile') !== undefined;
}

function toAgentConfig(values: ReadonlyMap<string, unknown>, encrypted: boolean): AgentConfig {
  const own: Record<string, unknown> = {};
  const sections: Record<'swim' | 'serf', Record<string, unknown>> = { swim: {}, serf: {} };
  for (const { key, section } of SETTINGS.values())
    if (section !== '') sections[section][key.slice(section.length + 1)] = values.get(key);
    else if (!TOKEN_FILE_KEYS.has(key)) own[key] = values.get(key);
  return { ...own, ...sections, encrypted } as unknown as AgentConfig;
}

/** Rejects values that are valid alone but not together. `fromFiles`: tokens that are yet to be read from files. */
export function rejectContradictions(config: AgentConfig, fromFiles: readonly TokenKey[] = []): void {
  if (config.gossipKey !== undefined && config.keyringFile !== undefined)
    throw new AgentError('config', 'keyringFile and HEARSAY_GOSSIP_KEY are both set: remove one of them');
  const token = (['httpToken', 'httpReadToken'] as const).some(
    (key) => config[key] !== undefined || fromFiles.includes(key),
  );
  if (config.http.kind === 'ip' && !isLoopback(config.http.address.ip) && !token && !config.insecure)
    throw new AgentError(
      'config',
      `http: ${config.http.address.key} is open to the network: set HEARSAY_HTTP_TOKEN or httpTokenFile, or allow it with --insecure`,
    );
  rejectTlsContradictions(config);
  rejectLongMessages(config);
  const command = config.jobs.find(({ run }) => run !== undefined);
  if (command !== undefined && !config.allowExecJobs)
    throw new AgentError(
      'config',
      `jobs.${command.definition.name}.run: programs are not allowed to jobs: allow them with --allow-exec-jobs`,
    );
  const rpcKey = config.rpcAuth !== undefined || fromFiles.includes('rpcAuth');
  if (config.rpc.kind === 'ip' && !isLoopback(config.rpc.address.ip) && !rpcKey && !config.insecure)
    throw new AgentError(
      'config',
      `rpc: ${config.rpc.address.key} is open to the network: set HEARSAY_RPC_AUTH or rpcAuthFile, or allow it with --insecure`,
    );
}

/** Gossiped messages of this size fit the smallest datagrams that were ever configured with them. */
const SAFE_MESSAGE_BYTES = 1200;
/** Bytes of a datagram besides one message: compound, checksum, encryption. A label comes on top. */
const ENVELOPE_BYTES = 200;

/** A message that does not fit a datagram is never gossiped. */
function rejectLongMessages({ serf, swim, label }: AgentConfig): void {
  const envelope = ENVELOPE_BYTES + label.length;
  for (const key of ['eventBytes', 'queryBytes'] as const) {
    if (serf[key] <= SAFE_MESSAGE_BYTES || serf[key] + envelope <= swim.packetBytes) continue;
    throw new AgentError(
      'config',
      `serf.${key}: ${serf[key]} bytes do not fit a datagram: lower it, or set swim.packetBytes to ${serf[key] + envelope} and more on all agents`,
    );
  }
}

/** `lo` of Linux, `lo0` of BSD. */
const LOOPBACK_INTERFACE = /^lo\d*$/;

function valueWarnings(config: AgentConfig): string[] {
  const warnings: string[] = [];
  const { probeTimeout, probeInterval } = config.swim;
  if (probeTimeout > probeInterval)
    warnings.push(
      `swim.probeTimeout (${formatDuration(probeTimeout)}) is longer than swim.probeInterval (${formatDuration(probeInterval)}): indirect probes will have no time left`,
    );
  if (config.onStop.kind === 'pause' && config.dataDir === undefined)
    warnings.push(
      'onStop is pause, but there is no dataDir: what is registered over HTTP is gone after a restart; add --data-dir',
    );
  if (!config.encrypted && !LOOPBACK_INTERFACE.test(config.interface ?? '') && !isLoopback(config.bind.ip))
    warnings.push(
      `gossip on ${config.interface ?? config.bind.key} is not encrypted: any host that reaches the port can join (see \`hearsay keygen\`)`,
    );
  if (!isHostNodeName(config.node))
    warnings.push(
      `node: "${config.node}" is no host name, so few programs can look up its name in DNS; members and services are found as ever`,
    );
  if (config.openOperator && HTTP_TOKEN_KEYS.every((key) => config[key] === undefined))
    warnings.push(
      'openOperator: every account of this host may change gossip keys, remove members and stop this agent; remove it, or set HEARSAY_HTTP_OPERATOR_TOKEN',
    );
  if (config.insecure && config.http.kind === 'ip' && !isLoopback(config.http.address.ip))
    warnings.push(
      `http on ${config.http.address.key} is open to the network: set HEARSAY_HTTP_TOKEN to close it`,
    );
  return warnings;
}

/** Kubernetes sets such variables, HEARSAY_PORT_8500_TCP for one, for a service of the name hearsay. */
const SERVICE_VARIABLE = /_(?:SERVICE_(?:HOST|PORT)|PORT)(?:_\w+)?$/;

/** Variables that are no setting, be it by a typing error. */
function unknownVariableWarnings(env: ConfigSources['env']): string[] {
  const known = new Set([...SETTINGS.values()].map((entry) => entry.env));
  const warnings: string[] = [];
  for (const name of Object.keys(env)) {
    if (!name.startsWith('HEARSAY_') || known.has(name) || OTHER_VARIABLES.has(name)) continue;
    const meant = suggestSimilar(name, known);
    if (meant !== undefined) warnings.push(`${name} is not a setting; did you mean ${meant}?`);
    else if (!SERVICE_VARIABLE.test(name))
      warnings.push(`${name} is not a setting: run \`hearsay config\` to list them`);
  }
  return warnings;
}

/** Variables read elsewhere: the address for the commands, and the configuration files. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set([
  ...['HEARSAY_HTTP_ADDR', 'HEARSAY_CONFIG', 'HEARSAY_HTTP_CA_FILE'],
  ...['HEARSAY_HTTP_CLIENT_CERT_FILE', 'HEARSAY_HTTP_CLIENT_KEY_FILE'],
]);
