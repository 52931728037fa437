/** The settings as flags of a command, and the configuration that flags, environment and files result in. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { formatDefault } from '../../config/docs.ts';
import { validateNewToken } from '../../config/names.ts';
import { type ResolvedConfig, resolveConfig } from '../../config/resolve.ts';
import { KEYRING_NAME, SETTINGS, type SettingEntry } from '../../config/schema.ts';
import { TOKEN_KEYS, type TokenKey } from '../../config/servers/tokens.ts';
import { type ConfigFiles, readConfigFiles, readTokenFile } from '../../files/config-files.ts';
import { addHelpAllSection, type HelpItem, markAdvanced } from '../help.ts';
import type { Io } from '../io.ts';
import { isCommonSetting, settingGroup, sortByGroup } from './setting-groups.ts';

/** Gives `command` a flag for every setting that may have one, and `--config`. `isCommon`: shown by `--help`. */
export function addAgentOptions(command: Command, isCommon = isCommonSetting): Command {
  command.option(
    '--config <path...>',
    'YAML or JSON file, or a directory of them; later ones win (env HEARSAY_CONFIG)',
  );
  addSettingOptions(command, () => true, isCommon);
  const withoutFlag = [...SETTINGS.values()].filter(({ flag }) => flag === undefined).map(toHelpItem);
  addHelpAllSection(command, 'Settings without a flag:', withoutFlag);
  return command;
}

/** A flag for every setting that is `wanted` and may have one. */
export function addSettingOptions(
  command: Command,
  wanted: (entry: SettingEntry) => boolean,
  isCommon: (entry: SettingEntry) => boolean,
): Command {
  for (const entry of sortByGroup(SETTINGS.values())) {
    if (entry.flag === undefined || !wanted(entry)) continue;
    const options =
      entry.setting.type === 'flag'
        ? switchOptions(entry, entry.flag)
        : [valueOption(entry.setting, entry.flag)];
    for (const option of options) {
      if (!isCommon(entry)) markAdvanced(option);
      command.addOption(option.helpGroup(settingGroup(entry)));
    }
  }
  return command;
}

/** `--x` and `--no-x`; the help shows the one that changes the default. */
function switchOptions({ setting }: SettingEntry, flag: string): readonly Option[] {
  const isOn = setting.default === true;
  const off = new Option(`--no-${flag.slice(2)}`, toHelpText(setting.offDoc ?? 'The default'));
  return [new Option(flag, toHelpText(setting.doc)).hideHelp(isOn), off.hideHelp(!isOn)];
}

function valueOption(setting: SettingEntry['setting'], flag: string): Option {
  const many = setting.type === 'list' || setting.type === 'map';
  const value = toHelpText(formatDefault(setting));
  const fallback = many || value === 'none' ? '' : ` (default: ${value})`;
  const option = new Option(
    `${flag} <${setting.placeholder}${many ? '...' : ''}>`,
    toHelpText(setting.doc) + fallback,
  );
  // commander reads these off the placeholder, and would take the brackets of ADDR[:PORT] for its own
  option.variadic = many;
  option.optional = false;
  return option;
}

/** A secret is read from the environment, `handlers` from files: neither has a flag. */
const toHelpItem = ({ key, env, setting }: SettingEntry): HelpItem =>
  setting.fileOnly === true
    ? { term: key, text: `Only in a configuration file. ${toHelpText(setting.doc)}` }
    : { term: env, text: `Only as an environment variable. ${toHelpText(setting.doc)}` };

/** Documentation without Markdown and without the last period. */
const toHelpText = (doc: string): string => doc.replaceAll('`', '').replace(/\.$/, '');

/** The configuration from the flags of `command`, the environment and the files. Throws `AgentError`. */
export async function loadConfig(command: Command, io: Io): Promise<ResolvedConfig> {
  const flags = readSettingFlags(command);
  const paths =
    (command.opts<Record<string, unknown>>()['config'] as string[] | undefined) ??
    splitPaths(io.env['HEARSAY_CONFIG']);
  const read: ConfigFiles[] = [];
  for (const path of paths) read.push(await readConfigFiles(path));
  const files = read.flatMap((one) => one.files);
  const { env, hostname } = io;
  const resolved = await addTokens(
    resolveConfig({
      flags,
      env,
      files: files.map(({ file }) => file),
      hostname,
      terminal: io.err.isTerminal,
      hasKeyring: (dataDir) => existsSync(join(dataDir, KEYRING_NAME)),
    }),
  );
  const warnings = [...read, ...files].flatMap((one) => one.warnings);
  return { ...resolved, warnings: [...warnings, ...resolved.warnings] };
}

/** Raw values of the settings given as flags of `command`, by key. */
export function readSettingFlags(command: Command): Record<string, unknown> {
  const given = command.opts<Record<string, unknown>>();
  const flags: Record<string, unknown> = {};
  for (const { key, flag } of SETTINGS.values()) {
    const value = flag === undefined ? undefined : given[attributeName(flag)];
    if (value !== undefined) flags[key] = value;
  }
  return flags;
}

/** A token file overrides the variable: HEARSAY_HTTP_TOKEN may be meant for the commands. */
async function addTokens(resolved: ResolvedConfig): Promise<ResolvedConfig> {
  const values = new Map(resolved.values);
  const origins = new Map(resolved.origins);
  const warnings = [...resolved.warnings];
  const tokens: { [K in TokenKey]?: string } = {};
  for (const key of TOKEN_KEYS) {
    const path = values.get(`${key}File`);
    if (typeof path !== 'string') continue;
    const read = await readTokenFile(path, validateNewToken);
    tokens[key] = read.token;
    values.set(key, read.token);
    origins.set(key, `file ${path}`);
    warnings.push(...read.warnings);
  }
  return { config: { ...resolved.config, ...tokens }, values, origins, warnings };
}

/** The name under which commander stores a flag: `--retry-join` is `retryJoin`. */
const attributeName = (flag: string): string => new Option(flag).attributeName();

const splitPaths = (variable: string | undefined): readonly string[] =>
  (variable ?? '').split(',').filter((path) => path !== '');
