/** The command line: finds the command, loads only its module, and turns how it ended into an exit code. */
import { Command, CommanderError } from 'commander';
import { VERSION } from '../base/version.ts';
import { type CliContext, createColors, EXIT, printNotice, reportError } from './command.ts';
import { COMMAND_GROUPS, COMMANDS } from './command-list.ts';
import { addHelpAllSection, type HelpItem, installHelp } from './help.ts';
import { type Io, processIo } from './io.ts';

/** Runs one command line (without `node` and the script) and resolves to its exit code. */
export async function runCli(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const cli: CliContext = {
    io,
    colors: createColors(io),
    programFor: (words) => createProgram(cli, commandsToLoad(words, commandIn(words))),
    exitCode: EXIT.done,
  };
  const name = commandIn(argv);
  const unknown = unknownCommandIn(argv, name);
  if (unknown !== undefined) {
    reportUsageError(io, `unknown command '${unknown}'`, undefined);
    return EXIT.usage;
  }
  try {
    const program = await createProgram(cli, commandsToLoad(argv, name));
    await program.parseAsync(argv, { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(io, error);
    if (error.exitCode === 0) return EXIT.done;
    if (error.code !== 'commander.help') reportUsageError(io, error.message, name);
    return EXIT.usage;
  }
}

/** The program with every command named, and those of `loaded` complete. */
async function createProgram(cli: CliContext, loaded: readonly string[]): Promise<Command> {
  const { out, err } = cli.io;
  const program = new Command('hearsay')
    .description(
      'Service discovery without servers: one agent per host gossips like Serf and answers like Consul.',
    )
    .version(`hearsay ${VERSION}`, '-V, --version', 'Show the version')
    .enablePositionalOptions() // so that `config check --json` is an option of check
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      outputError: () => undefined, // `reportUsageError` prints it, as one sentence
    })
    .addHelpText(
      'after',
      '\nRun `hearsay COMMAND --help` for the options of a command.\n\nExample:\n  hearsay demo',
    );
  for (const [heading, commands] of COMMAND_GROUPS)
    for (const [name, { summary, alias, load }] of Object.entries(commands)) {
      const command = program.command(name).description(summary).helpGroup(heading);
      if (alias !== undefined) command.alias(alias);
      if (loaded.includes(name)) (await load())(command, cli);
    }
  addHelpAllSection(program, 'Environment variables:', ENVIRONMENT);
  addHelpAllSection(program, 'Exit codes:', EXIT_CODES);
  installHelp(program);
  return program;
}

const ENVIRONMENT: readonly HelpItem[] = [
  { term: 'HEARSAY_HTTP_ADDR', text: 'Address of the agent, like --http-addr' },
  { term: 'HEARSAY_HTTP_CA_FILE', text: 'Certificates that https:// is checked against, like --ca-file' },
  {
    term: 'HEARSAY_HTTP_CLIENT_...',
    text: 'CERT_FILE and KEY_FILE: what to show an agent that asks for a certificate',
  },
  { term: 'HEARSAY_HTTP_TOKEN', text: 'HTTP token, of the agent and of the commands' },
  { term: 'HEARSAY_GOSSIP_KEY', text: 'Gossip key of the agent' },
  { term: 'HEARSAY_CONFIG', text: 'Configuration files of the agent, separated by commas' },
  { term: 'HEARSAY_...', text: 'Any other setting of the agent: see hearsay agent --help-all' },
  { term: 'NO_COLOR', text: 'Print without colors' },
];

const EXIT_CODES: readonly HelpItem[] = [
  { term: String(EXIT.done), text: 'Done' },
  { term: String(EXIT.failed), text: 'Failed' },
  { term: String(EXIT.usage), text: 'Wrong usage' },
  { term: String(EXIT.noAgent), text: 'No agent answers' },
  { term: String(EXIT.notFound), text: 'Not found, or the condition does not hold' },
  { term: String(EXIT.config), text: 'Configuration error' },
  { term: String(EXIT.interrupted), text: 'Interrupted' },
];

/** The command that `argv` runs, or shows help for. */
function commandIn(argv: readonly string[]): string | undefined {
  const [first, second] = argv.filter((word) => !word.startsWith('-'));
  const wanted = first === 'help' ? second : first;
  if (wanted === undefined) return undefined;
  return Object.keys(COMMANDS).find((name) => name === wanted || COMMANDS[name]?.alias === wanted);
}

/** A word in the place of a command that is none, which commander does not mind where help is asked for. */
function unknownCommandIn(argv: readonly string[], name: string | undefined): string | undefined {
  const [first, second] = argv;
  const word = first === 'help' ? second : first;
  const asksForHelp = first === 'help' || argv.some((one) => ['-h', '--help', '--help-all'].includes(one));
  return name === undefined && asksForHelp && word !== undefined && !word.startsWith('-') && word !== 'help'
    ? word
    : undefined;
}

/** Only the command itself, since loading costs time; `hearsay --help-all` shows the subcommands of all. */
function commandsToLoad(argv: readonly string[], name: string | undefined): readonly string[] {
  if (name !== undefined) return [name];
  return argv.includes('--help-all') ? Object.keys(COMMANDS) : [];
}

function reportUsageError(io: Io, message: string, name: string | undefined): void {
  const sentence = message.replace(/^error: /, '').replace(/\.$/, '');
  printNotice(io, `hearsay: ${sentence}; see \`hearsay ${name === undefined ? '' : `${name} `}--help\``);
}
