/** The reference of all settings as Markdown, and one setting's value as JSON. `npm run docs` writes the page. */
import { PRESET_NAMES, PRESETS } from './presets.ts';
import { SETTINGS, type SettingEntry } from './schema.ts';
import { formatDuration, type Setting } from './setting.ts';

/** The whole of docs/config.md. A test compares it with the file. */
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

/** As `hearsay config` prints it. Secrets are never told, only whether they are set. */
export function formatSettingValue(setting: Setting<unknown>, value: unknown): string {
  if (setting.secret === true) return value === undefined ? '' : '(set)';
  return setting.format(value);
}

/** As `hearsay config --json` prints it: numbers, booleans, lists and maps stay what they are. */
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
  return setting.type === 'int' || setting.type === 'flag' || setting.type === 'list'
    ? value
    : setting.format(value);
}

const entriesOf = (section: SettingEntry['section']): SettingEntry[] =>
  [...SETTINGS.values()].filter((entry) => entry.section === section);

function describe({ key, setting, flag, env }: SettingEntry): string {
  const names = [
    ...(flag === undefined ? [] : [`flag \`${flagSyntax(flag, setting)}\``]),
    ...(setting.fileOnly === true ? ['only in files that nobody else can write'] : [`variable \`${env}\``]),
    ...(setting.secret === true ? ['not in files'] : []),
  ];
  const facts = [
    `Default: ${formatDefault(setting)}.`,
    ...(setting.bounds === undefined ? [] : [`Values: ${setting.bounds}.`]),
    ...(setting.source === undefined ? [] : [`Source: ${setting.source}.`]),
  ];
  return `### ${key}\n\n${setting.doc}\n\n${names.join(' · ')}\n\n${facts.join(' ')}\n`;
}

function flagSyntax(flag: string, setting: Setting<unknown>): string {
  if (setting.type === 'flag') return setting.default === true ? `--no-${flag.slice(2)}` : flag;
  const many = setting.type === 'list' || setting.type === 'map';
  return `${flag} ${setting.placeholder}${many ? ' ...' : ''}`;
}

/** The default as `--help` and the page tell it. */
export function formatDefault(setting: Setting<unknown>): string {
  if (setting.defaultWords !== undefined) return setting.defaultWords;
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

Made from \`src/config/\` by \`npm run docs\`; do not edit.

Every setting has a flag of \`hearsay agent\`, an environment variable and a key in a configuration file; \`handlers\` has
only the last. Where it is given more than once, the flag wins over the variable, the variable over the file, the file
over the preset, and the preset over the default. \`hearsay config\` prints every value with where it came from;
\`hearsay config check PATH\` checks a file.

A file is YAML or JSON, given by \`--config PATH\` (or \`HEARSAY_CONFIG\`, several with commas). The path may be a folder:
its \`*.yaml\`, \`*.yml\` and \`*.json\` are read in the order of their names. Of several files the later wins, setting by
setting. Unknown keys are errors; files do not include others. Settings with a dot may be nested:

\`\`\`yaml
node: web-1
retryJoin: [10.0.0.5, 10.0.0.6]
tag:
  role: web
swim:
  probeInterval: 500ms
\`\`\`

Durations carry their unit: \`500ms\`, \`1m30s\`, \`24h\`. Lists are given by repeating the flag, as a list in a file, and
with commas in a variable. An empty variable counts as not set. Secrets are read from the environment or from files of
their own, never from flags.
`;
