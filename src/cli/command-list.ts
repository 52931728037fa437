/** Every command, in the groups and the order of the help. A new command is one file in commands/ and one entry here. */
import type { CommandBuilder } from './command.ts';

export interface CommandEntry {
  readonly summary: string;
  readonly alias?: string;
  load(): Promise<CommandBuilder>;
}

type CommandGroup = Readonly<Record<string, CommandEntry>>;

const START: CommandGroup = {
  demo: {
    summary: 'Run a small cluster in one process, to try the commands on',
    load: async () => (await import('./commands/demo.ts')).demoCommand,
  },
  agent: {
    summary: 'Run the agent on this host',
    load: async () => (await import('./commands/agent.ts')).agentCommand,
  },
};

const CLUSTER: CommandGroup = {
  members: {
    summary: 'List the members of the cluster',
    load: async () => (await import('./commands/members.ts')).membersCommand,
  },
  info: {
    summary: 'Show version, addresses, health and counts of the agent',
    load: async () => (await import('./commands/info.ts')).infoCommand,
  },
  join: {
    summary: 'Join the cluster through other members',
    load: async () => (await import('./commands/join.ts')).joinCommand,
  },
  leave: {
    summary: 'Leave the cluster and stop the agent',
    load: async () => (await import('./commands/leave.ts')).leaveCommand,
  },
  forget: {
    summary: 'Turn a failed member into one that left',
    alias: 'force-leave',
    load: async () => (await import('./commands/forget.ts')).forgetCommand,
  },
  tags: {
    summary: 'Change the tags of the agent while it runs',
    load: async () => (await import('./commands/tags.ts')).tagsCommand,
  },
};

const SERVICES: CommandGroup = {
  services: {
    summary: 'List the services of the catalog, or the instances of one',
    load: async () => (await import('./commands/services.ts')).servicesCommand,
  },
  resolve: {
    summary: 'Print where to connect to a service, as HOST:PORT',
    load: async () => (await import('./commands/resolve.ts')).resolveCommand,
  },
  register: {
    summary: 'Register the services of a file with the agent',
    load: async () => (await import('./commands/register.ts')).registerCommand,
  },
  exec: {
    summary: 'Run a program as a service, for as long as it lives',
    load: async () => (await import('./commands/exec.ts')).execCommand,
  },
  lease: {
    summary: 'Register a service for as long as this command runs',
    load: async () => (await import('./commands/lease.ts')).leaseCommand,
  },
  containers: {
    summary: 'Show the container engines that the agent follows, and what it refuses',
    load: async () => (await import('./commands/containers.ts')).containersCommand,
  },
  deregister: {
    summary: 'Remove a service from the agent',
    load: async () => (await import('./commands/deregister.ts')).deregisterCommand,
  },
  import: {
    summary: 'Take over what another system has, such as a running Consul',
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  checks: {
    summary: 'List health checks and their state',
    load: async () => (await import('./commands/checks.ts')).checksCommand,
  },
  maint: {
    summary: 'Take this node or a service out of results for maintenance',
    load: async () => (await import('./commands/maint.ts')).maintCommand,
  },
  drain: {
    summary: 'Take an instance out of results before it stops',
    load: async () => (await import('./commands/drain.ts')).drainCommand,
  },
  'sync-status': {
    summary: 'Show which agents serve a record, and since when others do not',
    load: async () => (await import('./commands/sync-status.ts')).syncStatusCommand,
  },
  sync: {
    summary: 'Keep the servers of a proxy, or a file, equal to the catalog',
    load: async () => (await import('./commands/sync.ts')).syncCommand,
  },
  owner: {
    summary: 'Show which healthy instance owns a key',
    load: async () => (await import('./commands/owner.ts')).ownerCommand,
  },
};

const JOBS: CommandGroup = {
  run: {
    summary: 'Register a job that one agent of the cluster runs at each tick',
    load: async () => (await import('./commands/run.ts')).runCommand,
  },
  jobs: {
    summary: 'List jobs with their next and last runs, run one now, pause one',
    load: async () => (await import('./commands/jobs.ts')).jobsCommand,
  },
  partitions: {
    summary: 'Show which worker of a service has which part of its work',
    load: async () => (await import('./commands/partitions.ts')).partitionsCommand,
  },
};

const DIAGNOSIS: CommandGroup = {
  top: {
    summary: 'Show the cluster live in the terminal, trouble first',
    load: async () => (await import('./commands/top.ts')).topCommand,
  },
  doctor: {
    summary: 'Find what is wrong in the cluster, why, and what mends it',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand,
  },
  why: {
    summary: 'Explain the status of a node or of the instances of a service',
    load: async () => (await import('./commands/why.ts')).whyCommand,
  },
  monitor: {
    summary: 'Stream log lines of the agent',
    load: async () => (await import('./commands/monitor.ts')).monitorCommand,
  },
  watch: {
    summary: 'Print changes as they arrive, until interrupted',
    load: async () => (await import('./commands/watch.ts')).watchCommand,
  },
  reachability: {
    summary: 'Show which members receive from this agent',
    load: async () => (await import('./commands/reachability.ts')).reachabilityCommand,
  },
  rtt: {
    summary: 'Estimate the round-trip time between two members',
    load: async () => (await import('./commands/rtt.ts')).rttCommand,
  },
};

const MESSAGES: CommandGroup = {
  event: {
    summary: 'Send a user event to all members',
    load: async () => (await import('./commands/event.ts')).eventCommand,
  },
  query: {
    summary: 'Send a query to members and print their responses',
    load: async () => (await import('./commands/query.ts')).queryCommand,
  },
};

const KEYS: CommandGroup = {
  keygen: {
    summary: 'Generate a gossip key',
    load: async () => (await import('./commands/keygen.ts')).keygenCommand,
  },
  keys: {
    summary: 'Show or change the gossip keys of all members',
    load: async () => (await import('./commands/keys.ts')).keysCommand,
  },
};

const EXPERIMENTS: CommandGroup = {
  simulate: {
    summary: 'Measure failure detection in a simulated cluster',
    load: async () => (await import('./commands/simulate.ts')).simulateCommand,
  },
  replay: {
    summary: 'Replay a recording of an agent and compare its decisions',
    load: async () => (await import('./commands/replay.ts')).replayCommand,
  },
};

const SETUP: CommandGroup = {
  reload: {
    summary: 'Make the agent read its settings and service files again',
    load: async () => (await import('./commands/reload.ts')).reloadCommand,
  },
  config: {
    summary: 'Show every setting, its value and its origin, or check a file',
    load: async () => (await import('./commands/config.ts')).configCommand,
  },
  completion: {
    summary: 'Print a completion script for bash, zsh or fish',
    load: async () => (await import('./commands/completion.ts')).completionCommand,
  },
  man: {
    summary: 'Print a manual page',
    load: async () => (await import('./commands/man.ts')).manCommand,
  },
  version: {
    summary: 'Print the version of this program',
    load: async () => (await import('./commands/version.ts')).versionCommand,
  },
};

export const COMMAND_GROUPS: readonly (readonly [heading: string, CommandGroup])[] = [
  ['Start here:', START],
  ['Cluster:', CLUSTER],
  ['Services:', SERVICES],
  ['Jobs:', JOBS],
  ['Diagnosis:', DIAGNOSIS],
  ['Events and queries:', MESSAGES],
  ['Encryption:', KEYS],
  ['Simulation and replay:', EXPERIMENTS],
  ['Setup:', SETUP],
];

export const COMMANDS: CommandGroup = Object.fromEntries(
  COMMAND_GROUPS.flatMap(([, commands]) => Object.entries(commands)),
);
