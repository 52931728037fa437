/** The settings as flags of a command, and the configuration they come to with environment and files. */
import { type Command, Option } from 'commander';
import { formatDefault } from '../../config/docs.ts';
import { type ResolvedConfig, resolveConfig } from '../../config/resolve.ts';
import { SETTINGS, type SettingEntry } from '../../config/schema.ts';
import type { Io } from '../io.ts';
import { type LoadedFile, listConfigFiles, readConfigFile, readTokenFile } from './files.ts';

const GROUPS: Readonly<Record<SettingEntry['section'], string>> = {
  '': 'Options:',
  swim: 'Detecting failures (over the preset):',
  serf: 'Membership:',
};

/** Gives `command` a flag for every setting that may have one, and `--config`. */
export function addAgentOptions(command: Command): Command {
  command.addOption(
    new Option(
      '--config <path...>',
      'YAML or JSON file, or a folder of them; later wins (env HEARSAY_CONFIG)',
    ),
  );
  return addSettingOptions(command, () => true);
}

/** A flag for every setting that is `wanted` and may have one. */
export function addSettingOptions(command: Command, wanted: (entry: SettingEntry) => boolean): Command {
  for (const entry of SETTINGS.values()) {
    if (entry.flag === undefined || !wanted(entry)) continue;
    const options = entry.setting.type === 'flag' ? switches(entry, entry.flag) : [valued(entry, entry.flag)];
    for (const option of options) command.addOption(option.helpGroup(GROUPS[entry.section]));
  }
  return command;
}

/** `--x` and `--no-x`; the help shows the one that changes something. */
function switches({ setting }: SettingEntry, flag: string): readonly Option[] {
  const isOn = setting.default === true;
  const off = `Do not ${setting.doc.charAt(0).toLowerCase()}${setting.doc.slice(1)}`;
  return [
    new Option(flag, setting.doc).hideHelp(isOn),
    new Option(`--no-${flag.slice(2)}`, off).hideHelp(!isOn),
  ];
}

function valued({ setting }: SettingEntry, flag: string): Option {
  const many = setting.type === 'list' || setting.type === 'map';
  const rest = many ? '' : ` (default: ${formatDefault(setting).replaceAll('`', '')})`;
  const option = new Option(`${flag} <${setting.placeholder}${many ? '...' : ''}>`, setting.doc + rest);
  // commander reads these off the placeholder, and would take the brackets of ADDR[:PORT] for its own
  option.variadic = many;
  option.optional = false;
  return option;
}

/** What the flags of `command`, the environment and the files come to. Throws `AgentError`. */
export async function loadConfig(command: Command, io: Io): Promise<ResolvedConfig> {
  const flags = readSettingFlags(command);
  const paths =
    (command.opts<Record<string, unknown>>()['config'] as string[] | undefined) ??
    pathsIn(io.env['HEARSAY_CONFIG']);
  const files: LoadedFile[] = [];
  for (const path of paths)
    for (const name of await listConfigFiles(path)) files.push(await readConfigFile(name));
  const { env, hostname } = io;
  const resolved = await addToken(
    resolveConfig({
      flags,
      env,
      files: files.map(({ file }) => file),
      hostname,
      terminal: io.err.isTerminal,
    }),
  );
  return { ...resolved, warnings: [...files.flatMap(({ warnings }) => warnings), ...resolved.warnings] };
}

/** Raw values of the settings that flags of `command` give, by key. */
export function readSettingFlags(command: Command): Record<string, unknown> {
  const given = command.opts<Record<string, unknown>>();
  const flags: Record<string, unknown> = {};
  for (const { key, flag } of SETTINGS.values()) {
    const value = flag === undefined ? undefined : given[attributeOf(flag)];
    if (value !== undefined) flags[key] = value;
  }
  return flags;
}

/** A token file wins over HEARSAY_HTTP_TOKEN, which may be meant for the commands. */
async function addToken(resolved: ResolvedConfig): Promise<ResolvedConfig> {
  const path = resolved.values.get('httpTokenFile');
  if (typeof path !== 'string') return resolved;
  const { token, warnings } = await readTokenFile(path);
  return {
    config: { ...resolved.config, httpToken: token },
    values: new Map(resolved.values).set('httpToken', token),
    origins: new Map(resolved.origins).set('httpToken', `file ${path}`),
    warnings: [...resolved.warnings, ...warnings],
  };
}

/** The name commander keeps a flag under: `--retry-join` is `retryJoin`. */
const attributeOf = (flag: string): string => new Option(flag).attributeName();

const pathsIn = (variable: string | undefined): readonly string[] =>
  (variable ?? '').split(',').filter((path) => path !== '');
