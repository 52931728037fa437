/** `hearsay partitions`: the worker pools, or who has which partition of one, now or as it changes. */
import * as v from 'valibot';
import { addClientOptions, type Client, type ClientOptions, createClient } from '../api/client.ts';
import { watchPath } from '../api/follow.ts';
import { type Partition, PoolSchema, parseResponse, type WorkerPool } from '../api/schemas.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  printNotice,
  toAction,
} from '../command.ts';
import { diffRows, printChange, type Watch } from '../output/diff.ts';
import { formatTable } from '../output/table.ts';
import { sanitize } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly service?: string;
  readonly all?: boolean;
  readonly watch?: boolean;
}

export const partitionsCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('[count]', 'How many partitions the pool has')
    .option('--service <name>', 'Service whose instances share them')
    .option('--all', 'Show those of all agents, not only of the workers of this one')
    .option('--watch', 'Go on, and print each change')
    .addHelpText('after', PROMISE)
    .action(
      toAction(cli, async (count: string | undefined, options: Options) => {
        if (count === undefined && options.service === undefined) return listPools(cli, options);
        const path = poolPath(count, options.service);
        const client = await createClient(cli, options);
        return options.watch === true
          ? watchPool(cli, client, path, options)
          : showPool(cli, client, path, options);
      }),
    );
  addExample(command, 'hearsay partitions 16 --service worker');
};

const PROMISE = `
Programs take part with the library: \`hearsay.partitions(lease, 16, {...})\`.
Promised, while there is no network partition: a partition has one worker at a
time; the next one waits until it was let go, or until the failure detector has
declared its agent dead. Of n workers k change: the partitions of k move.
In a network partition each side has a holder; with a \`quorum\` above half of
the workers only one side, once the other has seen that it is the smaller one.
Tokens rise with each holder: where two would do harm, let a store compare
them. It is no lock.`;

function poolPath(count: string | undefined, service: string | undefined): string {
  if (count === undefined || !/^[1-9]\d{0,3}$/.test(count))
    throw new CliError(EXIT.usage, 'count: say how many partitions the pool has, as `partitions 16`');
  if (service === undefined)
    throw new CliError(EXIT.usage, '--service: say which service shares the partitions');
  return `/v1/hearsay/partitions/${encodeURIComponent(service)}/${count}`;
}

async function listPools(cli: CliContext, options: Options): Promise<number> {
  const client = await createClient(cli, options);
  const pools = await readPools(client);
  if (options.json === true) printJson(cli.io, pools);
  else
    cli.io.out.write(
      formatTable(
        ['SERVICE', 'PARTITIONS', 'HELD', 'WORKERS'],
        pools.map(({ service, count, partitions, workers }) => [
          service,
          String(count),
          String(partitions.filter(({ state }) => state === 'held').length),
          String(workers.length),
        ]),
      ),
    );
  return EXIT.done;
}

async function showPool(cli: CliContext, client: Client, path: string, options: Options): Promise<number> {
  const pool = parseResponse(PoolSchema, await client.get(path), client);
  const rows = shownRows(pool, options);
  if (options.json === true) printJson(cli.io, { ...pool, partitions: rows });
  if (pool.workers.length === 0 && pool.partitions.length === 0)
    throw new CliError(
      EXIT.notFound,
      `no worker takes part in a pool of ${pool.count} partitions of "${pool.service}": run \`hearsay partitions\` to list all pools`,
    );
  if (options.json !== true) cli.io.out.write(formatPool(pool, rows));
  return EXIT.done;
}

const shownRows = ({ node, partitions }: WorkerPool, { all }: Options): readonly Partition[] =>
  all === true ? partitions : partitions.filter(({ holder }) => holder?.node === node);

function formatPool({ partitions, workers, quorum }: WorkerPool, rows: readonly Partition[]): string {
  const table = formatTable(PARTITION_COLUMNS, rows.map(partitionCells));
  const unsettled = rows.filter(({ state, next }) => state !== 'held' || next !== null);
  const why = unsettled.map(({ partition, summary }) => `  ${partition}: ${sanitize(summary)}\n`).join('');
  const held = partitions.filter(({ state }) => state === 'held').length;
  const usable = workers.filter((one) => one.usable).length;
  const quorumLine =
    workers.length < quorum
      ? `nobody is to hold any: ${workers.length} of ${quorum} workers are in view\n`
      : '';
  return `${table}${why}${held} of ${partitions.length} are held; ${usable} of ${workers.length} workers are usable\n${quorumLine}`;
}

export const PARTITION_COLUMNS = ['PARTITION', 'STATE', 'WORKER', 'NODE', 'TOKEN'];

export const partitionCells = ({ partition, state, holder, token }: Partition): readonly string[] => [
  ...[String(partition), state, holder?.id ?? '-', holder?.node ?? '-'],
  token === null ? '-' : String(token),
];

const WATCHED: Pick<Watch<Partition>, 'event' | 'cells'> = {
  event: (before, after) => {
    if (after === undefined) return 'released';
    if (before?.token !== after.token && after.state === 'held') return 'acquired';
    return before?.state === after.state ? '' : after.state;
  },
  cells: partitionCells,
};

function watchPool(cli: CliContext, client: Client, path: string, options: Options): Promise<number> {
  let before: ReadonlyMap<string, Partition> | undefined;
  return watchPath(cli, client, path, (state) => {
    const pool = parseResponse(PoolSchema, state, client);
    const rows = shownRows(pool, options);
    const after = new Map(rows.map((row) => [String(row.partition), row]));
    const changes = diffRows({ ...WATCHED, rows: () => after }, before, after);
    if (before === undefined && changes.length === 0)
      printNotice(cli.io, 'nothing to show yet; waiting for changes');
    for (const change of changes)
      if (change.event !== '') printChange(cli, WATCHED, change, options.json === true);
    before = after;
  });
}

const readPools = async (client: Client): Promise<readonly WorkerPool[]> =>
  parseResponse(v.array(PoolSchema), await client.get('/v1/hearsay/partitions'), client);

/** The partitions of this number that the pools of a service have; empty if `name` is not `SERVICE/NUMBER`. */
export async function findPartitions(client: Client, name: string): Promise<readonly Partition[]> {
  const [, service, number] = /^(.+)\/(0|[1-9]\d{0,3})$/.exec(name) ?? [];
  if (service === undefined) return [];
  const pools = (await readPools(client)).filter((pool) => pool.service === service.toLowerCase());
  return pools.flatMap(({ partitions }) => partitions.filter((one) => one.partition === Number(number)));
}
