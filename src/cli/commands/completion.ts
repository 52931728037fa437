/** `hearsay completion`: a completion script for a shell, generated from the commands and their options. */
import { Argument, type Command, type Option } from 'commander';
import { addExample, type CommandBuilder, EXIT, toAction } from '../command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export const completionCommand: CommandBuilder = (command, cli) => {
  command.addArgument(new Argument('<shell>', 'Shell to print the script for').choices(SHELLS)).action(
    toAction(cli, async (shell: Shell) => {
      cli.io.out.write(SCRIPTS[shell](toEntries(await cli.fullProgram())));
      return EXIT.done;
    }),
  );
  addExample(command, 'source <(hearsay completion bash)');
};

/** The words that may follow `hearsay NAME`. */
interface CompletionEntry {
  readonly name: string;
  readonly summary: string;
  readonly subcommands: readonly string[];
  readonly options: readonly { readonly flag: string; readonly choices: readonly string[] }[];
}

function toEntries(program: Command): readonly CompletionEntry[] {
  return program.commands.flatMap((command) =>
    [command.name(), ...command.aliases()].map((name) => ({
      name,
      summary: command.description(),
      subcommands: command.commands.map((sub) => sub.name()),
      options: [command, ...command.commands].flatMap(optionsOf).filter(isFirst),
    })),
  );
}

const optionsOf = (command: Command): CompletionEntry['options'] =>
  command.options
    .filter((option: Option) => option.long != null && !option.hidden)
    .map((option: Option) => ({
      flag: option.long as string,
      choices: option.argChoices ?? choicesIn(option.flags),
    }));

const isFirst = (option: { flag: string }, at: number, all: readonly { flag: string }[]): boolean =>
  all.findIndex((other) => other.flag === option.flag) === at;

/** `--preset <lan|wan|local>` names its values in the placeholder. */
const choicesIn = (flags: string): readonly string[] =>
  /<([a-z]+(?:\|[a-z]+)+)(?:\.{3})?>/.exec(flags)?.[1]?.split('|') ?? [];

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CompletionEntry[]) => string>> = {
  bash: (commands) => `_hearsay() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='${commands.map(({ name }) => name).join(' ')}'
  else
    case "\${COMP_WORDS[1]} $prev" in
${valueCases(commands)}    esac
    if [ -z "$words" ]; then case "\${COMP_WORDS[1]}" in
${wordCases(commands)}    esac; fi
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _hearsay hearsay
`,
  zsh: (commands) => `#compdef hearsay
_hearsay() {
  local words_here=
  if (( CURRENT == 2 )); then
    words_here='${commands.map(({ name }) => name).join(' ')}'
  else
    case "$words[2] $words[CURRENT-1]" in
${valueCases(commands).replaceAll('words=', 'words_here=')}    esac
    if [[ -z "$words_here" ]]; then case "$words[2]" in
${wordCases(commands).replaceAll('words=', 'words_here=')}    esac; fi
  fi
  compadd -- \${=words_here} || _files
}
if [ "$funcstack[1]" = "_hearsay" ]; then _hearsay "$@"; else compdef _hearsay hearsay; fi
`,
  fish: (commands) =>
    commands
      .flatMap(({ name, summary, subcommands, options }) => {
        const here = `complete -c hearsay -n '__fish_seen_subcommand_from ${name}'`;
        return [
          `complete -c hearsay -f -n __fish_use_subcommand -a ${name} -d '${summary.replace(/['\\]/g, '\\$&')}'`,
          ...(subcommands.length === 0 ? [] : [`${here} -a '${subcommands.join(' ')}'`]),
          ...options.map(
            ({ flag, choices }) =>
              `${here} -l ${flag.slice(2)}${choices.length === 0 ? '' : ` -x -a '${choices.join(' ')}'`}`,
          ),
        ];
      })
      .map((line) => `${line}\n`)
      .join(''),
};

const valueCases = (commands: readonly CompletionEntry[]): string =>
  commands
    .flatMap(({ name, options }) =>
      options
        .filter(({ choices }) => choices.length > 0)
        .map(({ flag, choices }) => `      '${name} ${flag}') words='${choices.join(' ')}' ;;\n`),
    )
    .join('');

const wordCases = (commands: readonly CompletionEntry[]): string =>
  commands
    .map(
      ({ name, subcommands, options }) =>
        `      ${name}) words='${[...subcommands, ...options.map(({ flag }) => flag), '--help'].join(' ')}' ;;\n`,
    )
    .join('');
