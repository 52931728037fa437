/** The settings as flags of a command, and the configuration they come to with environment and files. */
import { type Command, Option } from 'commander';
import { defaultWords } from '../../config/docs.ts';
import { type Resolved, resolveConfig } from '../../config/resolve.ts';
import { type Entry, SETTINGS } from '../../config/schema.ts';
import type { Io } from '../io.ts';
import { filesOf, type ReadFile, readConfigFile, readToken } from './files.ts';

const GROUPS: Readonly<Record<Entry['section'], string>> = {
  '': 'Options:',
  swim: 'Detecting failures (over the preset):',
  serf: 'Membership:',
};

/** Gives `command` a flag for every setting that may have one, and `--config`. */
export function agentOptions(command: Command): Command {
  command.addOption(
    new Option(
      '--config <path...>',
      'YAML or JSON file, or a folder of them; later wins (env HEARSAY_CONFIG)',
    ),
  );
  return settingOptions(command, () => true);
}

/** A flag for every setting that is `wanted` and may have one. */
export function settingOptions(command: Command, wanted: (entry: Entry) => boolean): Command {
  for (const entry of SETTINGS.values()) {
    if (entry.flag === undefined || !wanted(entry)) continue;
    const options = entry.setting.type === 'flag' ? switches(entry, entry.flag) : [valued(entry, entry.flag)];
    for (const option of options) command.addOption(option.helpGroup(GROUPS[entry.section]));
  }
  return command;
}

/** `--x` and `--no-x`; the help shows the one that changes something. */
function switches({ setting }: Entry, flag: string): readonly Option[] {
  const isOn = setting.default === true;
  const off = `Do not ${setting.doc.charAt(0).toLowerCase()}${setting.doc.slice(1)}`;
  return [
    new Option(flag, setting.doc).hideHelp(isOn),
    new Option(`--no-${flag.slice(2)}`, off).hideHelp(!isOn),
  ];
}

function valued({ setting }: Entry, flag: string): Option {
  const many = setting.type === 'list' || setting.type === 'map';
  const rest = many ? '' : ` (default: ${defaultWords(setting).replaceAll('`', '')})`;
  const option = new Option(`${flag} <${setting.placeholder}${many ? '...' : ''}>`, setting.doc + rest);
  // commander reads these off the placeholder, and would take the brackets of ADDR[:PORT] for its own
  option.variadic = many;
  option.optional = false;
  return option;
}

/** What the flags of `command`, the environment and the files come to. Throws `AgentError`. */
export async function loadConfig(command: Command, io: Io): Promise<Resolved> {
  const flags = settingsIn(command);
  const paths =
    (command.opts<Record<string, unknown>>()['config'] as string[] | undefined) ??
    pathsIn(io.env['HEARSAY_CONFIG']);
  const files: ReadFile[] = [];
  for (const path of paths) for (const name of await filesOf(path)) files.push(await readConfigFile(name));
  const { env, hostname } = io;
  const resolved = await addToken(
    resolveConfig({
      flags,
      env,
      files: files.map(({ file }) => file),
      hostname,
      terminal: io.err.terminal,
    }),
  );
  return { ...resolved, warnings: [...files.flatMap(({ warnings }) => warnings), ...resolved.warnings] };
}

/** Raw values of the settings that flags of `command` give, by key. */
export function settingsIn(command: Command): Record<string, unknown> {
  const given = command.opts<Record<string, unknown>>();
  const flags: Record<string, unknown> = {};
  for (const { key, flag } of SETTINGS.values()) {
    const value = flag === undefined ? undefined : given[attributeOf(flag)];
    if (value !== undefined) flags[key] = value;
  }
  return flags;
}

/** A token file wins over HEARSAY_HTTP_TOKEN, which may be meant for the commands. */
async function addToken(resolved: Resolved): Promise<Resolved> {
  const path = resolved.values.get('httpTokenFile');
  if (typeof path !== 'string') return resolved;
  const { token, warnings } = await readToken(path);
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
