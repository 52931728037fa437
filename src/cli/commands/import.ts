/** `hearsay import`: takes over what another system has. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readTokenFile } from '../../files/config-files.ts';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { openConsul } from '../api/consul-catalog.ts';
import { ConsulImport, type ImportReport } from '../api/consul-import.ts';
import {
  addExample,
  addJsonOption,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  printNotice,
  toAction,
} from '../command.ts';
import { sanitize } from '../sanitize.ts';
import { type ImportConfigOptions, importConfig } from './import-config.ts';

interface ConsulOptions extends ClientOptions {
  readonly follow?: boolean;
  readonly dump?: boolean;
  readonly consulTokenFile?: string;
}

/** How often a followed Consul is read again if none of its checks changes. */
const FOLLOW_SECONDS = 10;
/** Milliseconds: each change is read with the whole catalog, and a busy one changes all the time. */
const MIN_READ_GAP_MS = 1000;
const RETRY_MS = 1000;

export const importCommand: CommandBuilder = (command, cli) => {
  const consul = addClientOptions(command.command('consul'))
    .description("Register what a running Consul's catalog has as external nodes of the agent")
    .argument('<source>', 'Address of a Consul agent, http://HOST:8500, or a file written by --dump')
    .option('--follow', 'Go on with each change, until interrupted')
    .option('--dump', 'Print what Consul has, as a file for this command, and register nothing')
    .option('--consul-token-file <path>', "File with Consul's token (or env CONSUL_HTTP_TOKEN)")
    .action(toAction(cli, (source: string, options: ConsulOptions) => importConsul(cli, source, options)));
  addExample(consul, 'hearsay import consul http://10.0.0.7:8500 --follow');
  const config = addJsonOption(command.command('config'))
    .description('Say of each key of a configuration of Consul or Serf what it becomes here; changes nothing')
    .argument('<path...>', 'File in JSON, or directory of files')
    .option(
      '--yaml',
      'Print a configuration of Serf as one of hearsay, and to stderr what is to be done by hand',
    )
    .action(
      toAction(cli, (paths: string[], options: ImportConfigOptions) => importConfig(cli, paths, options)),
    );
  addExample(config, 'hearsay import config /etc/consul.d');
  addExample(command, 'hearsay import consul http://10.0.0.7:8500');
};

async function importConsul(cli: CliContext, address: string, options: ConsulOptions): Promise<number> {
  const { consulTokenFile, follow = false, dump = false } = options;
  const token =
    consulTokenFile === undefined
      ? cli.io.env['CONSUL_HTTP_TOKEN'] || undefined
      : (await readTokenFile(consulTokenFile)).token;
  const source = openConsul(address, token);
  if (dump) {
    printJson(cli.io, await source.read());
    return EXIT.done;
  }
  const importer = new ConsulImport(await createClient(cli, options));
  const first = await importer.apply(await source.read());
  print(cli, first, options.json === true);
  if (!follow) return first.failed.length > 0 ? EXIT.failed : EXIT.done;
  const stop = new AbortController();
  const off = (['SIGINT', 'SIGTERM'] as const).map((name) => cli.io.onSignal(name, () => stop.abort()));
  let isCurrent = true;
  try {
    while (!stop.signal.aborted)
      isCurrent = await followOnce(cli, { source, importer, isCurrent, signal: stop.signal }, options);
  } finally {
    for (const cancel of off) cancel();
  }
  return EXIT.done;
}

/**
 * Resolves to whether all that Consul has was read and sent. While it was not, what was imported stays as it was, and all is
 * read anew, whatever index was seen: a Consul that restarts may count from below, and would not answer for long.
 */
async function followOnce(
  cli: CliContext,
  { source, importer, isCurrent, signal }: Followed,
  { json = false }: ConsulOptions,
): Promise<boolean> {
  const startedAt = performance.now();
  try {
    if (isCurrent) {
      await source.waitForChange(FOLLOW_SECONDS, signal);
      await pause(startedAt + MIN_READ_GAP_MS - performance.now(), signal);
    }
    const report = await importer.apply(await source.read(signal));
    if (report.imported.length + report.removed.length + report.failed.length > 0) print(cli, report, json);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    if (!(error instanceof CliError) || error.exit === EXIT.usage) throw error;
    printNotice(cli.io, `hearsay: ${error.message}; trying again`);
    await pause(RETRY_MS, signal);
    return false;
  }
}

interface Followed {
  readonly source: ReturnType<typeof openConsul>;
  readonly importer: ConsulImport;
  readonly isCurrent: boolean;
  readonly signal: AbortSignal;
}

function print(cli: CliContext, report: ImportReport, json: boolean): void {
  const { imported, services, skipped, removed, failed } = report;
  if (json) printJson(cli.io, report);
  else
    cli.io.out.write(
      `imported ${imported.length} nodes with ${services} services, removed ${removed.length}, skipped ${skipped.length}\n`,
    );
  for (const { node, reason } of skipped) printNotice(cli.io, `skipped ${sanitize(node)}: ${reason}`);
  for (const { node, error } of failed) printNotice(cli.io, `hearsay: ${sanitize(node)}: ${error}`);
}

const pause = (millis: number, signal: AbortSignal): Promise<void> =>
  sleep(Math.max(0, millis), undefined, { signal }).catch(() => undefined);
