/** `hearsay demo`: a small cluster in one process, to try the other commands on. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { resolveConfig } from '../../config/resolve.ts';
import { createClient } from '../api/client.ts';
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
import { type DemoService, demoServiceName, startDemoService } from './demo-service.ts';

const HOST = '127.0.0.1';
const DEFAULT_NODES = 3;
const MAX_NODES = 50;

interface Options {
  readonly nodes?: string;
}

export const demoCommand: CommandBuilder = (command, cli) => {
  command
    .option('--nodes <n>', `Number of agents, 1 to ${MAX_NODES} (default: ${DEFAULT_NODES})`)
    .action(toAction(cli, (options: Options) => demo(cli, options)));
  addExample(command, 'hearsay demo --nodes 5');
};

async function demo(cli: CliContext, options: Options): Promise<number> {
  const { io } = cli;
  const nodes = Number(options.nodes ?? DEFAULT_NODES);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES)
    throw new CliError(EXIT.usage, `--nodes: must be a whole number from 1 to ${MAX_NODES}`);

  return runUntilStopped(io, () => startDemo(cli, nodes));
}

async function startDemo(cli: CliContext, nodes: number): Promise<Lifecycle> {
  const { io } = cli;
  const cluster: StartedAgent[] = [];
  const services: DemoService[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(cluster.map((agent) => agent.stop()));
    for (const service of services) service.close();
  };
  try {
    for (let i = 1; i <= nodes; i++) {
      if (io.err.isTerminal) printNotice(io, `starting agent ${i} of ${nodes} ...`);
      cluster.push(await startOne(io, i, cluster[0]));
    }
    for (const [at, agent] of cluster.entries()) {
      services.push(await startDemoService(at + 1, HOST));
      await register(cli, agent, services.at(-1) as DemoService);
    }
  } catch (error) {
    await stop();
    throw error;
  }

  io.out.write(
    formatTable(
      ['NODE', 'GOSSIP', 'HTTP', 'DNS', 'SERVICE'],
      cluster.map(({ node, address, http, dns }, at) => [
        node,
        address,
        http === undefined ? 'off' : toHttpUrl(http),
        dns ?? 'off',
        services[at]?.registration.ID ?? '',
      ]),
    ),
  );
  for (const line of suggestions(cluster)) io.out.write(`${line}\n`);
  return {
    stopInOrder: () => ({ notice: 'stopping the demo', run: stop }),
    stop,
    stopped: Promise.all(cluster.map(({ stopped }) => stopped)).then(() => undefined),
    reload: async () => printNotice(io, 'reload: a demo has nothing to reload'),
    logMetrics: () => {
      for (const agent of cluster) agent.logMetrics();
    },
  };
}

/** The first agent takes the default ports if they are free, so that commands find it without --http-addr. */
async function startOne(io: Io, number: number, first: StartedAgent | undefined): Promise<StartedAgent> {
  const listenOn = async (port: number): Promise<string> =>
    `${HOST}:${first === undefined && (await isPortFree(port)) ? port : 0}`;
  const { config } = resolveConfig({
    flags: {
      node: `demo-${number}`,
      bind: `${HOST}:0`,
      http: await listenOn(8500),
      dns: await listenOn(8600),
      preset: 'local',
      tag: [`role=${demoServiceName(number)}`],
      logLevel: 'warn',
      ...(first === undefined ? {} : { join: [first.address] }),
    },
    env: {},
    files: [],
    hostname: io.hostname,
    terminal: io.err.isTerminal,
  });
  return io.startAgent(config);
}

/** Registers over the HTTP API of the agent, as any program would. */
async function register(
  cli: CliContext,
  { http }: StartedAgent,
  { registration }: DemoService,
): Promise<void> {
  if (http === undefined) return;
  const client = await createClient(cli, { httpAddr: toHttpUrl(http) });
  await client.put('/v1/agent/service/register', registration);
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
    'Try these in another terminal:',
    `  hearsay members${at}`,
    `  hearsay members --tag role=${name}${at}`,
    `  hearsay info${at}`,
    `  hearsay services${at}`,
    `  hearsay resolve ${name}${at}`,
    `  hearsay owner some-job --service ${name}${at}`,
    `  hearsay watch service ${name}${at}     (keep it running)`,
    `  curl http://$(hearsay resolve ${name}${at} | head -1)/`,
    `  curl ${url}/v1/health/service/${name}`,
    ...dig(`SRV ${name}.service.hearsay`),
    ...dig(`${last.node}.node.hearsay`),
    ...(last === first
      ? []
      : [
          `  hearsay maint on ${name}-${cluster.length} --http-addr ${toHttpUrl(last.http)}`,
          `  hearsay leave --http-addr ${toHttpUrl(last.http)}     (then list the members again)`,
        ]),
    '',
    'Press Ctrl-C to stop.',
  ];
}

/** Whether the port is free on loopback for both UDP and TCP. */
export async function isPortFree(port: number): Promise<boolean> {
  const tcp = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
  if (!tcp) return false;
  return new Promise<boolean>((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind(port, HOST, () => socket.close(() => resolve(true)));
  });
}
