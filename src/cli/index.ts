/** The command line: finds the command, loads only its module, and turns how it ended into an exit code. */
import { Command, CommanderError } from 'commander';
import { VERSION } from '../base/version.ts';
import {
  type CliContext,
  type CommandBuilder,
  createColors,
  EXIT,
  printNotice,
  reportError,
} from './command.ts';
import { type Io, processIo } from './io.ts';

interface CommandEntry {
  readonly summary: string;
  readonly alias?: string;
  load(): Promise<CommandBuilder>;
}

/** Every command, in the order of the help. A new one is one file and one line here. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  agent: { summary: 'Run the agent', load: async () => (await import('./commands/agent.ts')).agentCommand },
  demo: {
    summary: 'A small cluster in one process, to try things on',
    load: async () => (await import('./commands/demo.ts')).demoCommand,
  },
  simulate: {
    summary: 'The real protocol in a simulated cluster: what would happen if',
    load: async () => (await import('./commands/simulate.ts')).simulateCommand,
  },
  replay: {
    summary: 'Play a recording of an agent: does this program decide the same?',
    load: async () => (await import('./commands/replay.ts')).replayCommand,
  },
  members: {
    summary: 'The cluster as this agent sees it',
    load: async () => (await import('./commands/members.ts')).membersCommand,
  },
  info: {
    summary: 'This agent: version, addresses, health, counts',
    load: async () => (await import('./commands/info.ts')).infoCommand,
  },
  join: {
    summary: 'Join the agent to others',
    load: async () => (await import('./commands/join.ts')).joinCommand,
  },
  leave: {
    summary: 'Let the agent leave the cluster and stop',
    load: async () => (await import('./commands/leave.ts')).leaveCommand,
  },
  forget: {
    summary: 'Make a failed node left, for the whole cluster',
    alias: 'force-leave',
    load: async () => (await import('./commands/forget.ts')).forgetCommand,
  },
  tags: {
    summary: "Change this agent's tags while it runs",
    load: async () => (await import('./commands/tags.ts')).tagsCommand,
  },
  services: {
    summary: 'The catalogue; with a name its instances',
    load: async () => (await import('./commands/services.ts')).servicesCommand,
  },
  register: {
    summary: 'Register the services of a file',
    load: async () => (await import('./commands/register.ts')).registerCommand,
  },
  deregister: {
    summary: 'Remove a service of this agent',
    load: async () => (await import('./commands/deregister.ts')).deregisterCommand,
  },
  maint: {
    summary: 'Take this node, or one service, out of the answers',
    load: async () => (await import('./commands/maint.ts')).maintCommand,
  },
  drain: {
    summary: 'Take an instance out before it stops',
    load: async () => (await import('./commands/drain.ts')).drainCommand,
  },
  checks: {
    summary: 'Health checks, own and known',
    load: async () => (await import('./commands/checks.ts')).checksCommand,
  },
  resolve: {
    summary: 'Where to connect to a service, as host:port',
    load: async () => (await import('./commands/resolve.ts')).resolveCommand,
  },
  owner: {
    summary: 'The healthy instance that a key belongs to',
    load: async () => (await import('./commands/owner.ts')).ownerCommand,
  },
  why: {
    summary: 'Why a node is taken for alive or failed; why instances are, or are not, in the answers',
    load: async () => (await import('./commands/why.ts')).whyCommand,
  },
  event: {
    summary: 'Fire a user event, to every member',
    load: async () => (await import('./commands/event.ts')).eventCommand,
  },
  query: {
    summary: 'Ask all members, and print what they answer',
    load: async () => (await import('./commands/query.ts')).queryCommand,
  },
  reachability: {
    summary: 'Who hears this agent, and who does not',
    load: async () => (await import('./commands/reachability.ts')).reachabilityCommand,
  },
  rtt: {
    summary: 'Estimated round trip between two members',
    load: async () => (await import('./commands/rtt.ts')).rttCommand,
  },
  keys: {
    summary: 'The gossip keys of all members, changed live',
    load: async () => (await import('./commands/keys.ts')).keysCommand,
  },
  monitor: {
    summary: 'What happens, as it happens',
    load: async () => (await import('./commands/monitor.ts')).monitorCommand,
  },
  watch: {
    summary: 'Each change, until interrupted',
    load: async () => (await import('./commands/watch.ts')).watchCommand,
  },
  keygen: {
    summary: 'Make a gossip key',
    load: async () => (await import('./commands/keygen.ts')).keygenCommand,
  },
  config: {
    summary: 'Every setting, its value and where it came from; judge a file',
    load: async () => (await import('./commands/config.ts')).configCommand,
  },
  completion: {
    summary: 'Completion for bash, zsh or fish',
    load: async () => (await import('./commands/completion.ts')).completionCommand,
  },
  version: {
    summary: 'Version of this program',
    load: async () => (await import('./commands/version.ts')).versionCommand,
  },
};

/** Runs one command line (without `node` and the script) and resolves to its exit code. */
export async function runCli(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const cli: CliContext = {
    io,
    colors: createColors(io),
    fullProgram: () => createProgram(cli, Object.keys(COMMANDS)),
    exitCode: EXIT.done,
  };
  const name = commandIn(argv);
  try {
    const program = await createProgram(cli, name === undefined ? [] : [name]);
    await program.parseAsync(argv, { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(io, error);
    if (error.exitCode === 0) return EXIT.done;
    if (error.code !== 'commander.help') usage(io, error.message, name);
    return EXIT.usage;
  }
}

/** The program with every command named, and those of `loaded` complete. */
async function createProgram(cli: CliContext, loaded: readonly string[]): Promise<Command> {
  const { out, err } = cli.io;
  const program = new Command('hearsay')
    .description('Service discovery without servers: gossips like Serf, answers like Consul.')
    .version(`hearsay ${VERSION}`, '-V, --version', 'version of this program')
    .enablePositionalOptions() // so that `config check --json` is an option of check
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      outputError: () => undefined, // `usage` says it, in one sentence
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
    })
    .addHelpText('after', '\nExample:\n  hearsay demo');
  for (const [name, { summary, alias, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(summary);
    if (alias !== undefined) command.alias(alias);
    if (loaded.includes(name)) (await load())(command, cli);
  }
  return program;
}

const HELP_WIDTH = 110;

/** The command that `argv` asks for, or asks help on. */
function commandIn(argv: readonly string[]): string | undefined {
  const [first, second] = argv.filter((word) => !word.startsWith('-'));
  const wanted = first === 'help' ? second : first;
  return Object.keys(COMMANDS).find((name) => name === wanted || COMMANDS[name]?.alias === wanted);
}

function usage(io: Io, message: string, name: string | undefined): void {
  const sentence = message.replace(/^error: /, '').replace(/\.$/, '');
  printNotice(io, `hearsay: ${sentence}; see \`hearsay ${name === undefined ? '' : `${name} `}--help\``);
}
