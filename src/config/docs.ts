/** The reference of all settings as Markdown, and values of settings as text and JSON. `npm run docs` writes the page. */
import { PRESET_NAMES, PRESETS } from './presets.ts';
import { SETTINGS, type SettingEntry } from './schema.ts';
import { formatDuration, type Setting } from './setting.ts';

/** The content of docs/config.md. A test compares it with the file. */
export function configDocs(): string {
  return [
    INTRODUCTION,
    '## Agent\n',
    ...entriesOf('').map(describe),
    '## swim: detecting failures\n',
    ...entriesOf('swim').map(describe),
    '## serf: membership\n',
    ...entriesOf('serf').map(describe),
    '## Presets\n',
    presetTable(),
  ].join('\n');
}

/** The value as `hearsay config` prints it. A secret is only reported as set. */
export function formatSettingValue(setting: Setting<unknown>, value: unknown): string {
  if (setting.secret === true) return value === undefined ? '' : '(set)';
  return setting.format(value);
}

/** The value as `hearsay config --json` prints it: numbers, booleans, lists and maps keep their type. */
export function settingToJson(setting: Setting<unknown>, value: unknown): unknown {
  if (value === undefined) return null;
  if (setting.secret === true) return '(set)';
  if (value instanceof Map)
    return Object.fromEntries(
      [...(value as ReadonlyMap<string, unknown>)].map(([name, one]) => [
        name,
        typeof one === 'number' ? formatDuration(one) : one,
      ]),
    );
  if (setting.type === 'handlers') return JSON.parse(setting.format(value) || '[]');
  if (setting.type === 'jobs') return JSON.parse(setting.format(value) || '{}');
  return setting.type === 'int' || setting.type === 'flag' || setting.type === 'list'
    ? value
    : setting.format(value);
}

const entriesOf = (section: SettingEntry['section']): SettingEntry[] =>
  [...SETTINGS.values()].filter((entry) => entry.section === section);

function describe({ key, setting, flag, env }: SettingEntry): string {
  const names = [
    ...(flag === undefined ? [] : [`flag \`${flagSyntax(flag, setting)}\``]),
    ...(setting.fileOnly === true ? ['only in files that no other user can write'] : [`variable \`${env}\``]),
    ...(setting.secret === true ? ['not in files'] : []),
  ];
  const facts = [
    `Default: ${formatDefault(setting)}.`,
    ...(setting.bounds === undefined ? [] : [`Values: ${setting.bounds}.`]),
    ...(setting.reloads === true ? ['A reload applies it.'] : []),
    ...(setting.source === undefined ? [] : [`Source: ${setting.source}.`]),
  ];
  return `### ${key}\n\n${setting.doc}\n\n${names.join(' · ')}\n\n${facts.join(' ')}\n`;
}

function flagSyntax(flag: string, setting: Setting<unknown>): string {
  if (setting.type === 'flag') return setting.default === true ? `--no-${flag.slice(2)}` : flag;
  const many = setting.type === 'list' || setting.type === 'map';
  return `${flag} ${setting.placeholder}${many ? ' ...' : ''}`;
}

/** The default as help texts and the page show it. */
export function formatDefault(setting: Setting<unknown>): string {
  if (setting.defaultText !== undefined) return setting.defaultText;
  const value = setting.format(setting.default);
  return value === '' ? 'none' : `\`${value}\``;
}

function presetTable(): string {
  const keys = Object.keys(PRESETS.lan) as (keyof typeof PRESETS.lan)[];
  const rows = keys.map((key) => {
    const setting = SETTINGS.get(`swim.${key}`)?.setting as Setting<unknown>;
    return `| swim.${key} | ${PRESET_NAMES.map((name) => setting.format(PRESETS[name][key])).join(' | ')} |`;
  });
  const rule = PRESET_NAMES.map(() => '---').join(' | ');
  return [`| setting | ${PRESET_NAMES.join(' | ')} |`, `| --- | ${rule} |`, ...rows, ''].join('\n');
}

const INTRODUCTION = `# Configuration

Generated from \`src/config/\` by \`npm run docs\`; do not edit.

Every setting has a flag of \`hearsay agent\`, an environment variable and a key in a configuration file; \`handlers\` has
only the last. If it is set more than once, the flag overrides the variable, the variable the file, the file the preset,
and the preset the default. \`hearsay config\` prints every value and its origin; \`hearsay config check PATH\` checks a
file of settings with the service files that it names, or a service file alone.

A file is YAML or JSON, named by \`--config PATH\` (or \`HEARSAY_CONFIG\`, several separated by commas). The path may be a
directory: its \`*.yaml\`, \`*.yml\` and \`*.json\` files that hold settings are read in the order of their names; a keyring, service
definitions and other files beside them are passed over, and a warning names them. Later files override earlier ones, setting by
setting. Unknown keys are errors, and those of Consul and Serf are told what stands for them here; a file cannot include
others. Settings with a dot may be nested:

\`\`\`yaml
node: web-1
retryJoin: [10.0.0.5, 10.0.0.6]
tag:
  role: web
swim:
  probeInterval: 500ms
\`\`\`

Durations have a unit: \`500ms\`, \`1m30s\`, \`24h\`. For a list repeat the flag, write a list in a file, or separate values
by commas in a variable. An empty variable counts as not set. Secrets are read from the environment or from files of
their own, never from flags.
`;
