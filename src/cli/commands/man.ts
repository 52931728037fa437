/** `hearsay man`: manual pages, made of the help of the commands. The packages for distributions install them. */
import type { Command } from 'commander';
import { VERSION } from '../../base/version.ts';
import { addExample, type CommandBuilder, EXIT, toAction } from '../command.ts';
import { type CommandHelp, describeHelp } from '../help.ts';

export const manCommand: CommandBuilder = (command, cli) => {
  command.argument('[command]', 'Command to print the page of; absent: the page of the program').action(
    toAction(cli, async (name: string | undefined) => {
      const program = await cli.programFor([name ?? '--help-all']);
      const shown = name === undefined ? program : program.commands.find((one) => one.name() === name);
      if (shown === undefined) return command.error(`unknown command '${name}'`);
      cli.io.out.write(manualPage(program, shown));
      return EXIT.done;
    }),
  );
  addExample(command, 'hearsay man agent | man -l -');
};

function manualPage(program: Command, shown: Command): string {
  const title = shown === program ? 'hearsay' : `hearsay-${shown.name()}`;
  const help = describeHelp(shown);
  const lines = [
    `.TH ${title.toUpperCase()} 1 "" "hearsay ${VERSION}" "User Commands"`,
    ...['.SH NAME', `${escapeRoff(title)} \\- ${escapeRoff(shown.description())}`],
    ...['.SH SYNOPSIS', `.B ${escapeRoff(help.usage)}`],
    ...sectionLines(help),
    // The sections of the program list its subcommands; those of a command have options of their own.
    ...(shown === program ? [] : shown.commands.flatMap(subcommandLines)),
    ...(help.after === '' ? [] : ['.SH NOTES', '.nf', ...help.after.split('\n').map(escapeLine), '.fi']),
    ...['.SH SEE ALSO', seeAlso(program, shown)],
  ];
  return `${lines.join('\n')}\n`;
}

const sectionLines = ({ sections }: CommandHelp): string[] =>
  sections.flatMap(({ heading, items }) => [
    `.SH ${escapeRoff(heading.replace(/:$/, '').toUpperCase())}`,
    ...items.flatMap(({ term, text }) => ['.TP', `.B ${escapeRoff(term.trim())}`, escapeLine(text)]),
  ]);

function subcommandLines(sub: Command): string[] {
  const { usage, sections } = describeHelp(sub);
  const items = sections.flatMap((section) => section.items);
  return [
    `.SS ${escapeRoff(usage)}`,
    escapeLine(sub.description()),
    ...items.flatMap(({ term, text }) => ['.TP', `.B ${escapeRoff(term)}`, escapeLine(text)]),
  ];
}

const seeAlso = (program: Command, shown: Command): string =>
  shown === program
    ? program.commands.map((one) => `.BR hearsay\\-${escapeRoff(one.name())} (1)`).join(',\n')
    : '.BR hearsay (1)';

/** A hyphen in roff is a line-breaking dash; what is typed is a minus. */
const escapeRoff = (text: string): string => text.replaceAll('\\', '\\e').replaceAll('-', '\\-');

/** A line that begins with a dot or an apostrophe would be a request. */
const escapeLine = (text: string): string => escapeRoff(text).replace(/^([.'])/, '\\&$1');
