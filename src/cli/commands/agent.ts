/** `hearsay agent`: the daemon. It prints where it listens and how to join it, then runs until it is stopped. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { VERSION } from '../../base/version.ts';
import { type AgentConfig, SETTINGS } from '../../config/schema.ts';
import { formatDuration } from '../../config/setting.ts';
import {
  addExample,
  type CliContext,
  type CommandBuilder,
  printNotice,
  reportError,
  toAction,
} from '../command.ts';
import { addAgentOptions, loadConfig, readSettingFlags } from '../input/settings.ts';
import type { Io, StartedAgent } from '../io.ts';
import { type Lifecycle, runUntilStopped } from '../lifetime.ts';
import { logLine, withJsonNotices } from '../output/json-output.ts';
import { sanitize } from '../sanitize.ts';

export const agentCommand: CommandBuilder = (command, cli) => {
  addAgentOptions(command)
    .addHelpText(
      'after',
      '\nEvery setting is also an environment variable (HEARSAY_RETRY_JOIN) and a key in\n' +
        'a configuration file (retryJoin): see --help-all. Secrets come only from\n' +
        'HEARSAY_GOSSIP_KEY and HEARSAY_HTTP_TOKEN, or from files.',
    )
    .action(toAction(cli, (_options: object, self: Command) => runAgent(cli, self)));
  addExample(command, 'hearsay agent --node web-1 --bind 10.0.0.7 --retry-join 10.0.0.5');
};

const SECRET_VARIABLES = [...SETTINGS.values()]
  .filter(({ setting }) => setting.secret === true)
  .map(({ env }) => env);

async function runAgent({ io: plain }: CliContext, command: Command): Promise<number> {
  const started: Io = { ...plain, env: { ...plain.env } }; // for reloads: the secrets in it are erased now
  let io = asksForJson(plain, command) ? withJsonNotices(plain) : plain;
  try {
    const { config, origins, warnings } = await loadConfig(command, started);
    const isJson = config.logFormat === 'json' && origins.get('logFormat') !== 'default';
    if (isJson) io = withJsonNotices(plain);
    for (const warning of [...warnings, ...eraseSecrets(plain)]) printNotice(io, `warning: ${warning}`);
    return await runUntilStopped(io, async (stopping) => {
      const running = await io.startAgent(config, () => loadConfig(command, started), stopping);
      if (stopping.aborted) return lifecycleOf(running); // it is not for use
      if (isJson) io.out.write(readyObject(config, running));
      else for (const line of readyLines(config, running)) io.out.write(`${line}\n`);
      return lifecycleOf(running);
    });
  } catch (error) {
    return reportError(io, error);
  }
}

/** Returns a warning if other programs can still read them. */
function eraseSecrets(io: Io): readonly string[] {
  const exposed = io.eraseFromEnvironment(SECRET_VARIABLES);
  if (exposed.length === 0) return [];
  return [`${exposed.join(' and ')} can be read in /proc by other programs of this user: set it by file`];
}

/** Whether errors of the configuration itself are JSON: its files are not read yet. */
const asksForJson = ({ env }: CliContext['io'], command: Command): boolean =>
  (readSettingFlags(command)['logFormat'] ?? env['HEARSAY_LOG_FORMAT']) === 'json';

const lifecycleOf = (running: StartedAgent): Lifecycle => ({
  stopInOrder: () => stopInOrder(running),
  stop: () => running.stop(),
  stopped: running.stopped,
  reload: () =>
    running.reload().then(
      () => undefined,
      () => undefined, // it is in the log
    ),
  logMetrics: () => running.logMetrics(),
});

function stopInOrder(running: StartedAgent): ReturnType<Lifecycle['stopInOrder']> {
  const { onStop } = running.config;
  return onStop.kind === 'leave'
    ? { notice: 'leaving the cluster', run: () => running.leave() }
    : {
        notice: `pausing: start this agent again within ${formatDuration(onStop.duration)}`,
        run: () => running.pause(onStop.duration),
      };
}

function readyLines(config: AgentConfig, { node, address, http, dns, rpc }: StartedAgent): string[] {
  return [
    `hearsay ${VERSION}: ${sanitize(node)} (${sanitize(config.datacenter)}) is ready`,
    `  gossip  ${address} (UDP and TCP, ${config.encrypted ? 'encrypted' : 'not encrypted'})`,
    `  http    ${http === undefined ? 'off' : toHttpUrl(http, config)}`,
    `  dns     ${dns === undefined ? 'off' : `${dns} (UDP and TCP)`}`,
    ...(rpc === undefined ? [] : [`  rpc     ${rpc}`]),
    `  data    ${config.dataDir ?? 'in memory: no state survives a restart (--data-dir PATH keeps it)'}`,
    `join it:  ${joinLine(config, address)}`,
  ];
}

/** The same as one line of JSON, for whoever reads a log of JSON. */
const readyObject = (config: AgentConfig, { node, address, http, dns, rpc }: StartedAgent): string =>
  logLine('info', `hearsay ${VERSION}: ${node} (${config.datacenter}) is ready`, {
    ...{ node, gossip: address, encrypted: config.encrypted },
    http: http === undefined ? 'off' : toHttpUrl(http, config),
    dns: dns ?? 'off',
    ...(rpc === undefined ? {} : { rpc }),
    dataDir: config.dataDir ?? null,
    join: joinLine(config, address).split('   (')[0],
  });

/**
 * On loopback the other agent runs on this host, too, and needs ports of its own. It also needs a gossip key of the
 * cluster, which is never printed.
 */
function joinLine(config: AgentConfig, address: string): string {
  const keyring = config.keyringFile === undefined ? '' : ` --keyring-file ${sanitize(config.keyringFile)}`;
  const key = config.encrypted && keyring === '' ? 'HEARSAY_GOSSIP_KEY=KEY ' : '';
  const hint = config.encrypted ? 'with a gossip key of this cluster; ' : '';
  const own = /^(127\.|\[::1\])/.test(address)
    ? ' --node other --bind 127.0.0.1:0 --http 127.0.0.1:0 --dns off'
    : '';
  const label = config.label === '' ? '' : ` --label '${sanitize(config.label)}'`;
  return `${key}hearsay agent${own}${keyring}${label} --join ${address}   (${hint}from a running agent: hearsay join ${address})`;
}

/** `127.0.0.1:8500` or `unix:PATH` as `--http-addr` takes it. */
export const toHttpUrl = (listening: string, config?: Pick<AgentConfig, 'httpTlsCert'>): string =>
  listening.startsWith('unix:')
    ? `unix://${resolve(listening.slice('unix:'.length))}`
    : `${config?.httpTlsCert === undefined ? 'http' : 'https'}://${listening}`;
