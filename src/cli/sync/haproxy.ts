/** `hearsay sync haproxy`: the servers of HAProxy's backends, over its runtime API. */
import type { Command } from 'commander';
import { joinHostPort } from '../../base/address.ts';
import { type HaproxyChange, HaproxySync } from '../../sync/haproxy/haproxy-sync.ts';
import { HaproxyError, HaproxyRuntimeApi, parseHaproxySocket } from '../../sync/haproxy/runtime-api.ts';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { addExample, type CliContext, CliError, EXIT, printNotice, toAction } from '../command.ts';
import { collectValues, parsePair } from '../input/pairs.ts';
import { printChange } from '../output/diff.ts';
import { createDoubt, EMPTY_OPTION } from './doubt.ts';
import { followServices } from './follower.ts';
import { isServiceName, MAX_FOLLOWED, SERVICE_NAME_RULE } from './service-name.ts';

const MAX_SLOTS = 10_000;

interface HaproxyOptions extends ClientOptions {
  readonly socket: string;
  readonly backend: readonly string[];
  readonly slots: string;
  readonly empty: string;
  readonly once?: boolean;
}

export const HAPROXY_EXAMPLE = 'hearsay sync haproxy --socket /run/haproxy/admin.sock --backend web=web';

export function addHaproxyCommand(parent: Command, cli: CliContext): void {
  const command = addClientOptions(parent.command('haproxy'), 'Print one JSON object per line')
    .description("Add, weigh, drain and remove servers over HAProxy's runtime API, as instances come and go")
    .requiredOption('--socket <address>', "HAProxy's stats socket of level admin: a path, or HOST:PORT")
    .requiredOption(
      '--backend <backend=service>',
      'Backend and the service that it serves (repeatable)',
      collectValues,
    )
    .option('--slots <n>', 'The most servers of one backend', '100')
    .option(...EMPTY_OPTION)
    .option('--once', 'Set what the catalog has now, and end')
    .action(toAction(cli, (options: HaproxyOptions) => syncHaproxy(cli, options)));
  addExample(command, HAPROXY_EXAMPLE);
}

async function syncHaproxy(cli: CliContext, options: HaproxyOptions): Promise<number> {
  const { api, backends, limit } = readOptions(options);
  const { socket, once = false } = options;
  const client = await createClient(cli, options);
  const doubt = createDoubt(client, options.empty);
  await refuseUnknownBackends(api, backends, socket);
  const target = new HaproxySync({
    ...{ api, backends, limit, doubt },
    onChange: (row) => printChange(cli, { cells: cellsOf }, { event: row.event, row }, options.json === true),
    onProblem: (message) => {
      for (const line of message.split('\n')) printNotice(cli.io, `hearsay: ${line}`);
    },
  });
  return followServices(cli, client, {
    ...{ target, once, services: backends.map(({ service }) => service) },
    recovered: `HAProxy at ${socket} answers again`,
    explain: (error) => toHaproxyAway(socket, error),
  });
}

function readOptions({ socket, backend, slots }: HaproxyOptions): {
  readonly api: HaproxyRuntimeApi;
  readonly backends: readonly { readonly backend: string; readonly service: string }[];
  readonly limit: number;
} {
  const refuse = (message: string): CliError => new CliError(EXIT.usage, message);
  const at = parseHaproxySocket(socket);
  if (at === undefined)
    throw refuse(
      `--socket: "${socket}" is no address: write the path of HAProxy's stats socket, or HOST:PORT`,
    );
  const backends = backend.map((text) => {
    const [name, service] = parsePair(text, '--backend');
    if (!/^[\w.:-]+$/.test(name) || service === '')
      throw refuse(`--backend: "${text}" must be BACKEND=SERVICE, as in --backend web=web`);
    // The agent has no instances of such a name, and that would empty the backend.
    if (!isServiceName(service))
      throw refuse(`--backend: "${service}" is no name of a service: ${SERVICE_NAME_RULE}`);
    return { backend: name, service };
  });
  const names = backends.map((one) => one.backend);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw refuse(`--backend: "${twice}" is given twice: a backend serves one service`);
  if (backends.length > MAX_FOLLOWED)
    throw refuse(`--backend: at most ${MAX_FOLLOWED} at a time: run several \`hearsay sync\``);
  const limit = /^\d+$/.test(slots) ? Number(slots) : 0;
  if (limit < 1 || limit > MAX_SLOTS)
    throw refuse(`--slots: "${slots}" must be a number from 1 to ${MAX_SLOTS}`);
  return { api: new HaproxyRuntimeApi(at), backends, limit };
}

async function refuseUnknownBackends(
  api: HaproxyRuntimeApi,
  backends: readonly { readonly backend: string }[],
  socket: string,
): Promise<void> {
  const known = await api.backends().catch((error: Error) => {
    throw toHaproxyAway(socket, error);
  });
  const unknown = backends.find(({ backend }) => !known.includes(backend));
  if (unknown !== undefined)
    throw new CliError(
      EXIT.usage,
      `--backend: HAProxy at ${socket} has no backend "${unknown.backend}"; it has: ${known.join(', ') || 'none'}`,
    );
}

const toHaproxyAway = (socket: string, error: Error): CliError =>
  new CliError(
    EXIT.failed,
    error instanceof HaproxyError
      ? `${socket}: ${error.message}; point --socket at HAProxy's "stats socket" of level admin`
      : `HAProxy does not answer at ${socket} (${error.message}): start it with "stats socket ${socket} mode 600 level admin" in its global section`,
  );

const cellsOf = ({
  event,
  backend,
  server,
  id,
  node,
  address,
  port,
  weight,
  reason,
}: HaproxyChange): string[] =>
  event === 'kept'
    ? [backend, `no instance passes, and its last servers are kept: ${reason}`]
    : [`${backend}/${server}`, id, node, joinHostPort(address, port), `weight ${weight}`];
