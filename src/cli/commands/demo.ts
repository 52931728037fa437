/** `hearsay demo`: a small cluster in one process, to try the other commands on. */
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printNotice,
  toAction,
} from '../command.ts';
import type { Io, StartedAgent } from '../io.ts';
import { type Lifecycle, runUntilStopped } from '../lifetime.ts';
import { formatTable } from '../output/table.ts';
import { toHttpUrl } from './agent.ts';
import { DemoTraffic } from './demo-busy.ts';
import { DemoCluster, HOST } from './demo-cluster.ts';
import { type DemoKeys, readDemoKeys } from './demo-keys.ts';
import { demoServiceName } from './demo-service.ts';

const DEFAULT_NODES = 3;
const MAX_NODES = 50;

interface Options {
  readonly nodes?: string;
  readonly busy?: boolean;
}

export const demoCommand: CommandBuilder = (command, cli) => {
  command
    .option('--nodes <n>', `Number of agents, 1 to ${MAX_NODES} (default: ${DEFAULT_NODES})`)
    .option('--busy', 'Services come and go, and change their tags, twice a second')
    .action(toAction(cli, (options: Options) => demo(cli, options)));
  addExample(command, 'hearsay demo --nodes 30 --busy');
};

async function demo(cli: CliContext, options: Options): Promise<number> {
  const { io } = cli;
  const nodes = Number(options.nodes ?? DEFAULT_NODES);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES)
    throw new CliError(EXIT.usage, `--nodes: must be a whole number from 1 to ${MAX_NODES}`);

  return runUntilStopped(io, (stopping) => startDemo(cli, nodes, options.busy === true, stopping));
}

async function startDemo(
  cli: CliContext,
  nodes: number,
  busy: boolean,
  stopping: AbortSignal,
): Promise<Lifecycle> {
  const { io } = cli;
  // Healing a node waits for its seed; so this ends with the demo, too, and not only with its start.
  const end = new AbortController();
  const cluster = new DemoCluster(cli, AbortSignal.any([stopping, end.signal]));
  await cluster.start(nodes, (number) => {
    if (io.err.isTerminal) printNotice(io, `starting agent ${number} of ${nodes} ...`);
  });
  const keys = stopping.aborted ? undefined : present(io, cluster);
  const traffic = new DemoTraffic(() => cluster.runningClients());
  if (busy && !stopping.aborted) traffic.start();
  const stop = async (): Promise<void> => {
    end.abort();
    await traffic.stop();
    await keys?.close();
    await cluster.stop();
  };
  return {
    stopInOrder: () => ({ notice: 'stopping the demo', run: stop }),
    stop,
    stopped: cluster.stopped.then(async () => {
      await traffic.stop();
      await keys?.close();
    }),
    reload: async () => printNotice(io, 'reload: a demo has nothing to reload'),
    logMetrics: () => {
      for (const { started } of cluster.nodes) started.logMetrics();
    },
  };
}

/** Shows what runs and what to try, and reads keys if somebody can press them. */
function present(io: Io, cluster: DemoCluster): DemoKeys | undefined {
  const { nodes } = cluster;
  io.out.write(
    formatTable(
      ['NODE', 'GOSSIP', 'HTTP', 'DNS', 'SERVICE'],
      nodes.map(({ started: { node, address, http, dns }, service }) => [
        node,
        address,
        http === undefined ? 'off' : toHttpUrl(http),
        dns ?? 'off',
        service.registration.ID,
      ]),
    ),
  );
  for (const line of suggestions(nodes.map(({ started }) => started))) io.out.write(`${line}\n`);
  return readDemoKeys(io, cluster);
}

function suggestions(cluster: readonly StartedAgent[]): string[] {
  const [first] = cluster;
  const last = cluster.at(-1);
  if (first?.http === undefined || last?.http === undefined) return [];
  const url = toHttpUrl(first.http);
  const at = url.endsWith(':8500') ? '' : ` --http-addr ${url}`;
  const name = demoServiceName(cluster.length);
  const dig = (query: string): string[] =>
    first.dns === undefined ? [] : [`  dig @${HOST} -p ${first.dns.split(':').at(-1)} ${query}`];
  return [
    '',
    `The dashboard is at ${url}/ui/`,
    '',
    'Try these in another terminal:',
    `  hearsay members${at}`,
    `  hearsay members --tag role=${name}${at}`,
    `  hearsay info${at}`,
    `  hearsay services${at}`,
    `  hearsay resolve ${name}${at}`,
    `  hearsay owner some-job --service ${name}${at}`,
    `  hearsay resolve worker${at}     (it holds a lease)`,
    `  hearsay watch service ${name}${at}     (keep it running)`,
    `  curl http://$(hearsay resolve ${name}${at} | head -1)/`,
    `  curl ${url}/v1/health/service/${name}`,
    ...dig(`SRV ${name}.service.hearsay`),
    ...dig(`${last.node}.node.hearsay`),
    ...(last === first
      ? []
      : [
          `  hearsay maint on ${name}-${cluster.length} --http-addr ${toHttpUrl(last.http)}`,
          `  hearsay leave --http-addr ${toHttpUrl(last.http)}     (then see the members)`,
        ]),
    '',
    'Press Ctrl-C to stop.',
  ];
}
