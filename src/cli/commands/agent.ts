/** `hearsay agent`: the daemon. Says where it listens and how to join it; then lives until it is told to stop. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { VERSION } from '../../base/version.ts';
import { shownValue } from '../../config/docs.ts';
import type { Resolved } from '../../config/resolve.ts';
import { type AgentConfig, type HandlerConfig, type LogLevel, SETTINGS } from '../../config/schema.ts';
import { act, type Cli, type CommandModule, example, say } from '../command.ts';
import { agentOptions, loadConfig } from '../input/settings.ts';
import type { Io, Started } from '../io.ts';
import { live } from '../lifetime.ts';
import { clean } from '../sanitize.ts';

export const build: CommandModule['build'] = (command, cli) => {
  agentOptions(command)
    .addHelpText(
      'after',
      '\nEach flag is also a variable (HEARSAY_RETRY_JOIN) and a key in a file (retryJoin): docs/config.md.' +
        '\nSecrets only by HEARSAY_GOSSIP_KEY and HEARSAY_HTTP_TOKEN, or by the files above.',
    )
    .action(act(cli, (_options: object, self: Command) => run(cli, self)));
  example(command, 'hearsay agent --node web-1 --bind 10.0.0.7 --retry-join 10.0.0.5 --tag role=web');
};

async function run({ io }: Cli, command: Command): Promise<number> {
  let current = await loadConfig(command, io);
  for (const warning of current.warnings) say(io, `warning: ${warning}`);
  const again = async (): Promise<void> => {
    current = reload(io, running, current, await loadConfig(command, io));
  };
  const running: Started = await io.start(current.config, again);
  for (const line of readyLines(current.config, running)) io.out.write(`${line}\n`);
  return live(io, {
    leave: () => running.leave(),
    stop: () => running.stop(),
    stopped: running.stopped,
    reload: again,
  });
}

function readyLines(config: AgentConfig, { node, address, http, dns }: Started): string[] {
  const encrypted = config.gossipKey !== undefined || config.keyringFile !== undefined;
  return [
    `hearsay ${VERSION}: ${clean(node)} (${clean(config.datacenter)}) is ready`,
    `  gossip  ${address} (UDP and TCP, ${encrypted ? 'encrypted' : 'not encrypted'})`,
    `  http    ${http === undefined ? 'off' : httpUrl(http)}`,
    `  dns     ${dns === undefined ? 'off' : `${dns} (UDP and TCP)`}`,
    `  data    ${config.dataDir ?? 'in memory: nothing survives a restart (--data-dir PATH keeps it)'}`,
    `join it:  ${joinLine(config, address)}`,
  ];
}

/** On loopback the other agent is on this host too, and needs ports of its own. */
function joinLine(config: AgentConfig, address: string): string {
  const own = /^(127\.|\[::1\])/.test(address)
    ? ' --node other --bind 127.0.0.1:0 --http 127.0.0.1:0 --dns off'
    : '';
  const label = config.label === '' ? '' : ` --label '${clean(config.label)}'`;
  return `hearsay agent${own}${label} --join ${address}   (a running one: hearsay join ${address})`;
}

/** `127.0.0.1:8500` or `unix:PATH` as `--http-addr` takes it. */
export const httpUrl = (listening: string): string =>
  listening.startsWith('unix:')
    ? `unix://${resolve(listening.slice('unix:'.length))}`
    : `http://${listening}`;

/** Takes over what can change while it runs, and says what cannot. Returns what holds from now on. */
function reload(io: Io, running: Started, before: Resolved, after: Resolved): Resolved {
  const values = new Map(before.values);
  let changes = 0;
  for (const { key, setting } of SETTINGS.values()) {
    const [was, is] = [before.values.get(key), after.values.get(key)];
    if (setting.format(was) === setting.format(is)) continue;
    changes++;
    const change = LIVE.get(key);
    if (change !== undefined) {
      change(running, is);
      values.set(key, is);
    }
    const from = shownValue(setting, was) || 'none';
    const to = shownValue(setting, is) || 'none';
    say(io, `reload: ${key}: ${from} to ${to}: ${change === undefined ? 'needs a restart' : 'done'}`);
  }
  if (changes === 0)
    say(
      io,
      `reload: nothing changed; only ${[...LIVE.keys()].join(' and ')} can change while the agent runs`,
    );
  return { ...before, values };
}

/** What can change while the agent runs, and how. */
const LIVE: ReadonlyMap<string, (running: Started, value: unknown) => void> = new Map([
  ['logLevel', (running, value) => running.setLogLevel(value as LogLevel)],
  ['handlers', (running, value) => running.setHandlers(value as readonly HandlerConfig[])],
]);
