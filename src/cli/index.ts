/** The command line: finds the command, loads only its module, and turns how it ended into an exit code. */
import { Command, CommanderError } from 'commander';
import { VERSION } from '../base/version.ts';
import { type Cli, type CommandModule, colorsFor, EXIT, fail, say } from './command.ts';
import { type Io, processIo } from './io.ts';

interface Entry {
  readonly summary: string;
  readonly alias?: string;
  load(): Promise<CommandModule>;
}

/** Every command, in the order of the help. A new one is one file and one line here. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  agent: { summary: 'Run the agent', load: () => import('./commands/agent.ts') },
  demo: {
    summary: 'A small cluster in one process, to try things on',
    load: () => import('./commands/demo.ts'),
  },
  simulate: {
    summary: 'The real protocol in a simulated cluster: what would happen if',
    load: () => import('./commands/simulate.ts'),
  },
  replay: {
    summary: 'Play a recording of an agent: does this program decide the same?',
    load: () => import('./commands/replay.ts'),
  },
  members: { summary: 'The cluster as this agent sees it', load: () => import('./commands/members.ts') },
  info: {
    summary: 'This agent: version, addresses, health, counts',
    load: () => import('./commands/info.ts'),
  },
  join: { summary: 'Join the agent to others', load: () => import('./commands/join.ts') },
  leave: { summary: 'Let the agent leave the cluster and stop', load: () => import('./commands/leave.ts') },
  forget: {
    summary: 'Make a failed node left, for the whole cluster',
    alias: 'force-leave',
    load: () => import('./commands/forget.ts'),
  },
  tags: { summary: "Change this agent's tags while it runs", load: () => import('./commands/tags.ts') },
  services: {
    summary: 'The catalogue; with a name its instances',
    load: () => import('./commands/services.ts'),
  },
  register: { summary: 'Register the services of a file', load: () => import('./commands/register.ts') },
  deregister: { summary: 'Remove a service of this agent', load: () => import('./commands/deregister.ts') },
  maint: {
    summary: 'Take this node, or one service, out of the answers',
    load: () => import('./commands/maint.ts'),
  },
  drain: { summary: 'Take an instance out before it stops', load: () => import('./commands/drain.ts') },
  checks: { summary: 'Health checks, own and known', load: () => import('./commands/checks.ts') },
  resolve: {
    summary: 'Where to connect to a service, as host:port',
    load: () => import('./commands/resolve.ts'),
  },
  owner: { summary: 'The healthy instance that a key belongs to', load: () => import('./commands/owner.ts') },
  why: {
    summary: 'Why a node is taken for alive or failed; why instances are, or are not, in the answers',
    load: () => import('./commands/why.ts'),
  },
  event: { summary: 'Fire a user event, to every member', load: () => import('./commands/event.ts') },
  query: {
    summary: 'Ask all members, and print what they answer',
    load: () => import('./commands/query.ts'),
  },
  reachability: {
    summary: 'Who hears this agent, and who does not',
    load: () => import('./commands/reachability.ts'),
  },
  rtt: { summary: 'Estimated round trip between two members', load: () => import('./commands/rtt.ts') },
  keys: { summary: 'The gossip keys of all members, changed live', load: () => import('./commands/keys.ts') },
  monitor: { summary: 'What happens, as it happens', load: () => import('./commands/monitor.ts') },
  watch: { summary: 'Each change, until interrupted', load: () => import('./commands/watch.ts') },
  keygen: { summary: 'Make a gossip key', load: () => import('./commands/keygen.ts') },
  config: {
    summary: 'Every setting, its value and where it came from; judge a file',
    load: () => import('./commands/config.ts'),
  },
  completion: { summary: 'Completion for bash, zsh or fish', load: () => import('./commands/completion.ts') },
  version: { summary: 'Version of this program', load: () => import('./commands/version.ts') },
};

/** Runs one command line (without `node` and the script) and resolves to its exit code. */
export async function run(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const cli: Cli = {
    io,
    colors: colorsFor(io),
    whole: () => programFor(cli, Object.keys(COMMANDS)),
    exit: EXIT.done,
  };
  const name = commandIn(argv);
  try {
    const program = await programFor(cli, name === undefined ? [] : [name]);
    await program.parseAsync(argv, { from: 'user' });
    return cli.exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) return fail(io, error);
    if (error.exitCode === 0) return EXIT.done;
    if (error.code !== 'commander.help') usage(io, error.message, name);
    return EXIT.usage;
  }
}

/** The program with every command named, and those of `loaded` complete. */
async function programFor(cli: Cli, loaded: readonly string[]): Promise<Command> {
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
    if (loaded.includes(name)) (await load()).build(command, cli);
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
  say(io, `hearsay: ${sentence}; see \`hearsay ${name === undefined ? '' : `${name} `}--help\``);
}
