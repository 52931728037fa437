/**
 * `hearsay completion`: the script of a shell, which asks the same command what may follow the words that are typed. So
 * every shell knows what the program knows, and names are those that the agent knows now.
 */
import { Argument, type Command, type Option } from 'commander';
import type { ClientOptions } from '../api/client.ts';
import { listNames, NAME_ARGUMENTS, NAME_OPTIONS } from '../api/names.ts';
import { addExample, type CliContext, type CommandBuilder, EXIT, toAction } from '../command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export const completionCommand: CommandBuilder = (command, cli) => {
  command
    .addArgument(new Argument('<shell>', 'Shell to print the script for').choices(SHELLS))
    .argument('[words...]', 'Words to complete; the script passes them after --')
    .action(
      toAction(cli, async (shell: Shell, words: readonly string[]) => {
        cli.io.out.write(words.length === 0 ? SCRIPTS[shell] : await complete(cli, shell, words));
        return EXIT.done;
      }),
    );
  addExample(command, 'source <(hearsay completion bash)');
};

/** A word that may come next. */
interface Candidate {
  readonly word: string;
  /** Empty: the word says it all. */
  readonly text: string;
}

/** One line for each word that may stand in the place of the last of `words`; nothing where a file may. */
async function complete(cli: CliContext, shell: Shell, words: readonly string[]): Promise<string> {
  const last = words.at(-1) ?? '';
  const found = await findCandidates(cli, await cli.programFor(words.slice(0, -1)), words.slice(0, -1), last);
  return found
    .filter(({ word }) => word.startsWith(last))
    .map((candidate) => `${FORMATS[shell](candidate)}\n`)
    .join('');
}

const FORMATS: Readonly<Record<Shell, (candidate: Candidate) => string>> = {
  bash: ({ word }) => word,
  zsh: ({ word, text }) => `${word.replaceAll(':', '\\:')}${text === '' ? '' : `:${text}`}`,
  fish: ({ word, text }) => `${word}${text === '' ? '' : `\t${text}`}`,
};

async function findCandidates(
  cli: CliContext,
  program: Command,
  before: readonly string[],
  last: string,
): Promise<readonly Candidate[]> {
  const { command, path, argument, option, client } = readWords(program, before);
  if (option !== undefined) {
    const kinds = NAME_OPTIONS[`${path} ${option.long}`] ?? [];
    return toCandidates([...choicesOf(option), ...(await listNames(cli, client, kinds))]);
  }
  if (last.startsWith('-')) return optionsOf(command);
  const expected = command.registeredArguments[argument] ?? command.registeredArguments.at(-1);
  const found = [
    ...(argument > 0 ? [] : command.commands).map((sub) => ({ word: sub.name(), text: sub.description() })),
    ...(argument > 0 ? [] : command.commands).flatMap((sub) =>
      sub.aliases().map((word) => ({ word, text: sub.description() })),
    ),
    ...toCandidates(expected?.argChoices ?? []),
    ...toCandidates(await listNames(cli, client, NAME_ARGUMENTS[path] ?? [])),
  ];
  if (found.length > 0 || /^(?:file|path)$/.test(expected?.name() ?? '')) return found;
  return optionsOf(command);
}

const toCandidates = (words: readonly string[]): readonly Candidate[] =>
  words.map((word) => ({ word, text: '' }));

/** What the words before the last one say about it. */
interface Place {
  readonly command: Command;
  /** Names of the command and its subcommand: `watch service`. */
  readonly path: string;
  /** The number of arguments that are there already. */
  readonly argument: number;
  /** The option whose value the last word is. */
  readonly option: Option | undefined;
  /** How to reach the agent, as far as it was typed. */
  readonly client: ClientOptions;
}

function readWords(program: Command, words: readonly string[]): Place {
  let command = program;
  let argument = 0;
  let option: Option | undefined;
  const values = new Map<string, string>();
  const names: string[] = [];
  for (const word of words) {
    if (option !== undefined) {
      values.set(option.long ?? '', word);
      option = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const one = command.options.find(({ long, short }) => word === long || word === short);
      option = one !== undefined && (one.required || one.optional || one.variadic) ? one : undefined;
      continue;
    }
    const isHelp = command === program && word === 'help';
    const sub = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (sub !== undefined && argument === 0) {
      command = sub;
      names.push(sub.name());
    } else if (!isHelp) argument += 1;
  }
  const [httpAddr, tokenFile] = [values.get('--http-addr'), values.get('--token-file')];
  const client = {
    ...(httpAddr === undefined ? {} : { httpAddr }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
  };
  return { command, path: names.join(' '), argument, option, client };
}

const optionsOf = (command: Command): readonly Candidate[] => [
  ...command.options
    .filter(({ long, hidden }) => long != null && !hidden)
    .map(({ long, description }) => ({ word: long as string, text: description })),
  { word: '--help', text: 'Show this help' },
];

/** `--preset <lan|wan|local>` names its values in the placeholder. */
const choicesOf = (option: Option): readonly string[] =>
  option.argChoices ?? /<([a-z]+(?:\|[a-z]+)+)(?:\.{3})?>/.exec(option.flags)?.[1]?.split('|') ?? [];

/** Each falls back to files when nothing is found. */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_hearsay() {
  local IFS=$'\\n'
  COMPREPLY=($("$1" completion bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _hearsay hearsay
`,
  zsh: `#compdef hearsay
_hearsay() {
  local -a found
  found=("\${(@f)$(hearsay completion zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then _describe 'hearsay' found; else _files; fi
}
if [ "$funcstack[1]" = "_hearsay" ]; then _hearsay "$@"; else compdef _hearsay hearsay; fi
`,
  fish: `function __hearsay_complete
  set -l words (commandline -opc)
  set -l token (commandline -ct)
  set -l found (hearsay completion fish -- $words[2..-1] "$token" 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path "$token"
  end
end
complete -c hearsay -f -a '(__hearsay_complete)'
`,
};
