/**
 * Help texts. They fit 80 columns and are grouped; `--help` shows the options most people need, `--help-all` every one.
 */
import { type Argument, type Command, CommanderError, Option } from 'commander';

const WIDTH = 80;
const INDENT = 2;
const GAP = 2;
/** Longest name in the left column. A longer one has its description on the next line. */
const MAX_TERM = 24;
const HELP_ALL = '--help-all';
const OPTIONS = 'Options:';
export const CONNECTION = 'Connection:';

/** Options that only `--help-all` lists. */
const advancedOptions = new WeakSet<Option>();
/** Sections that only `--help-all` shows, below the options. */
const detailSections = new WeakMap<Command, readonly Section[]>();

export function markAdvanced(option: Option): Option {
  advancedOptions.add(option);
  return option;
}

/** One row of a help section: a name and what it is. */
export interface HelpItem {
  readonly term: string;
  readonly text: string;
}

interface Section {
  readonly heading: string;
  readonly items: readonly HelpItem[];
}

/** Adds a section that only `--help-all` of `command` shows. */
export function addHelpAllSection(command: Command, heading: string, items: readonly HelpItem[]): void {
  detailSections.set(command, [...(detailSections.get(command) ?? []), { heading, items }]);
}

/** Gives `program` and all its commands this form of help, and `--help-all`. Call it once, when they are complete. */
export function installHelp(program: Command): void {
  let all = false;
  const install = (command: Command): void => {
    command
      .configureHelp({ formatHelp: (shown) => formatHelp(shown, all) })
      .helpOption('-h, --help', 'Show this help')
      .addOption(new Option(HELP_ALL, 'Show everything, in groups'))
      .on(`option:${HELP_ALL.slice(2)}`, () => {
        all = true;
        command.outputHelp();
        throw new CommanderError(0, 'commander.helpDisplayed', '(outputHelp)'); // as `--help` ends
      });
    for (const sub of command.commands) install(sub);
  };
  install(program);
}

/** What a help text or a manual page says of a command. */
export interface CommandHelp {
  readonly usage: string;
  readonly sections: readonly Section[];
  /** What `addHelpText` has put after it: examples, and notes. */
  readonly after: string;
}

/** Everything about `command`, as `--help-all` shows it. */
export function describeHelp(command: Command): CommandHelp {
  let after = '';
  const write = (text: string): void => {
    after += text;
  };
  // Commander collects these texts by events, which its types do not show.
  const emitter = command as Command & { emit(event: string, context: object): boolean };
  emitter.emit('afterHelp', { command, error: false, write });
  return { usage: formatUsage(command), sections: sectionsOf(command, true), after: after.trim() };
}

const sectionsOf = (command: Command, all: boolean): readonly Section[] =>
  [
    { heading: 'Arguments:', items: command.registeredArguments.map(toArgumentItem) },
    ...commandSections(command, all),
    ...optionSections(command, all),
    ...(all ? (detailSections.get(command) ?? []) : []),
  ].filter(({ items }) => items.length > 0);

function formatHelp(command: Command, all: boolean): string {
  const sections = sectionsOf(command, all);
  const lengths = sections.flatMap(({ items }) => items.map(({ term }) => term.length));
  const column = INDENT + Math.max(...lengths.filter((length) => length <= MAX_TERM)) + GAP;
  const blocks = [
    `Usage: ${formatUsage(command)}`,
    wrap(command.description(), WIDTH).join('\n'),
    ...(command.aliases().length === 0 ? [] : [`Alias: ${command.aliases().join(', ')}`]),
    ...sections.map((section) => formatSection(section, column)),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function formatUsage(command: Command): string {
  const names: string[] = [];
  for (let one: Command | null = command; one !== null; one = one.parent) names.unshift(one.name());
  const runsAlone = command.parent !== null && command.options.some(({ long }) => long !== HELP_ALL);
  const sub = runsAlone ? '[COMMAND]' : 'COMMAND';
  const rest = command.registeredArguments.map(toArgumentTerm);
  return [...names, ...(command.commands.length > 0 ? [sub] : []), '[options]', ...rest].join(' ');
}

function commandSections(command: Command, all: boolean): Section[] {
  const groups = groupBy(command.commands, (sub) => sub.helpGroup() || 'Commands:');
  return [...groups].map(([heading, commands]) => ({
    heading,
    items: commands.flatMap((sub) => [
      { term: sub.name(), text: describeCommand(sub) },
      ...(all ? sub.commands : []).map((one) => ({ term: `  ${one.name()}`, text: describeCommand(one) })),
    ]),
  }));
}

const describeCommand = (command: Command): string =>
  command.description() +
  command
    .aliases()
    .map((alias) => ` (alias: ${alias})`)
    .join('');

/** The options of the command itself first, then those of its groups. */
function optionSections(command: Command, all: boolean): Section[] {
  const visible = command.options.filter((option) => !option.hidden && option.long !== HELP_ALL);
  const advanced = visible.filter((option) => advancedOptions.has(option)).length;
  const shown = all ? visible : visible.filter((option) => !advancedOptions.has(option));
  const groups = groupBy(shown, (option) =>
    all || option.helpGroupHeading === CONNECTION ? (option.helpGroupHeading ?? OPTIONS) : OPTIONS,
  );
  const own = groups.get(OPTIONS) ?? [];
  groups.delete(OPTIONS);
  const isProgram = command.parent === null;
  const helpAll = isProgram
    ? 'Show subcommands, environment variables and exit codes, too'
    : `Show all ${visible.length} options, in groups`;
  const common: HelpItem[] = [
    { term: '-h, --help', text: 'Show this help' },
    ...(isProgram || advanced > 0 ? [{ term: HELP_ALL, text: helpAll }] : []),
  ];
  const isLast = (option: Option): boolean => option.long === '--json';
  const items = [...own.filter((option) => !isLast(option)), ...own.filter(isLast)].map(toOptionItem);
  return [
    { heading: OPTIONS, items: [...items, ...common] },
    ...[...groups].map(([heading, options]) => ({ heading, items: options.map(toOptionItem) })),
  ];
}

const toArgumentItem = (argument: Argument): HelpItem => ({
  term: toArgumentTerm(argument),
  text: withChoices(argument.description, argument.argChoices),
});

const toOptionItem = (option: Option): HelpItem => ({
  term: option.flags.replace(/<(.+)>$/, (_, placeholder: string) => toPlaceholder(placeholder)),
  text: withChoices(option.description, option.argChoices),
});

function toArgumentTerm(argument: Argument): string {
  const name = toPlaceholder(argument.name()) + (argument.variadic ? '...' : '');
  return argument.required ? name : `[${name}]`;
}

/** Upper case, as in manual pages; a list of words to choose from stays as it is typed. */
const toPlaceholder = (name: string): string => (name.includes('|') ? name : name.toUpperCase());

const withChoices = (text: string, choices: readonly string[] | undefined): string =>
  choices === undefined ? text : `${text}: ${choices.join(', ')}`;

/** Rows under a heading, with the descriptions at `column`. */
function formatSection({ heading, items }: Section, column: number): string {
  const indent = ' '.repeat(column);
  const rows = items.flatMap(({ term, text }) => {
    const head = `${' '.repeat(INDENT)}${term}`;
    const [first = '', ...rest] = wrap(text, WIDTH - column);
    const fits = head.length + GAP <= column;
    const opening = fits ? [head.padEnd(column) + first] : [head, indent + first];
    return [...opening, ...rest.map((line) => indent + line)].map((line) => line.trimEnd());
  });
  return [heading, ...rows].join('\n');
}

/** Lines of at most `width` characters, broken between words. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function groupBy<T>(items: readonly T[], groupOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groupOf(item);
    groups.set(group, [...(groups.get(group) ?? []), item]);
  }
  return groups;
}
