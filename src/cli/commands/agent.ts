/** `hearsay agent`: the daemon. It prints where it listens and how to join it, then runs until it is stopped. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { VERSION } from '../../base/version.ts';
import { formatSettingValue } from '../../config/docs.ts';
import type { ResolvedConfig } from '../../config/resolve.ts';
import { type AgentConfig, type HandlerConfig, type LogLevel, SETTINGS } from '../../config/schema.ts';
import { formatDuration } from '../../config/setting.ts';
import { addExample, type CliContext, type CommandBuilder, printNotice, toAction } from '../command.ts';
import { addAgentOptions, loadConfig } from '../input/settings.ts';
import type { Io, StartedAgent } from '../io.ts';
import { type Lifecycle, runUntilStopped } from '../lifetime.ts';
import { sanitize } from '../sanitize.ts';

export const agentCommand: CommandBuilder = (command, cli) => {
  addAgentOptions(command)
    .addHelpText(
      'after',
      '\nEvery setting is also an environment variable (HEARSAY_RETRY_JOIN) and a key in\n' +
        'a configuration file (retryJoin): see docs/config.md. Secrets come only from\n' +
        'HEARSAY_GOSSIP_KEY and HEARSAY_HTTP_TOKEN, or from files.',
    )
    .action(toAction(cli, (_options: object, self: Command) => runAgent(cli, self)));
  addExample(command, 'hearsay agent --node web-1 --bind 10.0.0.7 --retry-join 10.0.0.5');
};

async function runAgent({ io }: CliContext, command: Command): Promise<number> {
  let current = await loadConfig(command, io);
  for (const warning of current.warnings) printNotice(io, `warning: ${warning}`);
  const reload = async (): Promise<void> => {
    current = applyReload(io, running, current, await loadConfig(command, io));
  };
  const running: StartedAgent = await io.startAgent(current.config, reload);
  for (const line of readyLines(current.config, running)) io.out.write(`${line}\n`);
  return runUntilStopped(io, {
    stopInOrder: stopInOrder(current.config, running),
    stop: () => running.stop(),
    stopped: running.stopped,
    reload,
    logMetrics: () => running.logMetrics(),
  });
}

const stopInOrder = ({ onStop }: AgentConfig, running: StartedAgent): Lifecycle['stopInOrder'] =>
  onStop.kind === 'leave'
    ? { notice: 'leaving the cluster', run: () => running.leave() }
    : {
        notice: `pausing: start this agent again within ${formatDuration(onStop.duration)}`,
        run: () => running.pause(onStop.duration),
      };

function readyLines(config: AgentConfig, { node, address, http, dns }: StartedAgent): string[] {
  return [
    `hearsay ${VERSION}: ${sanitize(node)} (${sanitize(config.datacenter)}) is ready`,
    `  gossip  ${address} (UDP and TCP, ${config.encrypted ? 'encrypted' : 'not encrypted'})`,
    `  http    ${http === undefined ? 'off' : toHttpUrl(http)}`,
    `  dns     ${dns === undefined ? 'off' : `${dns} (UDP and TCP)`}`,
    `  data    ${config.dataDir ?? 'in memory: no state survives a restart (--data-dir PATH keeps it)'}`,
    `join it:  ${joinLine(config, address)}`,
  ];
}

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
export const toHttpUrl = (listening: string): string =>
  listening.startsWith('unix:')
    ? `unix://${resolve(listening.slice('unix:'.length))}`
    : `http://${listening}`;

/** Applies the settings that can change while the agent runs, and reports the others. Returns the current configuration. */
function applyReload(
  io: Io,
  running: StartedAgent,
  before: ResolvedConfig,
  after: ResolvedConfig,
): ResolvedConfig {
  const values = new Map(before.values);
  let changes = 0;
  for (const { key, setting } of SETTINGS.values()) {
    const [was, is] = [before.values.get(key), after.values.get(key)];
    if (setting.format(was) === setting.format(is)) continue;
    changes++;
    const apply = LIVE_SETTINGS.get(key);
    if (apply !== undefined) {
      apply(running, is);
      values.set(key, is);
    }
    const from = formatSettingValue(setting, was) || 'none';
    const to = formatSettingValue(setting, is) || 'none';
    const outcome = apply === undefined ? ': restart the agent to apply it' : '';
    printNotice(io, `reload: ${key} changed from ${from} to ${to}${outcome}`);
  }
  if (changes === 0)
    printNotice(
      io,
      `reload: nothing changed; only ${[...LIVE_SETTINGS.keys()].join(' and ')} can change while the agent runs`,
    );
  return { ...before, values };
}

/** Settings that can change while the agent runs, and how to apply them. */
const LIVE_SETTINGS: ReadonlyMap<string, (running: StartedAgent, value: unknown) => void> = new Map([
  ['logLevel', (running, value) => running.setLogLevel(value as LogLevel)],
  ['handlers', (running, value) => running.setHandlers(value as readonly HandlerConfig[])],
]);
