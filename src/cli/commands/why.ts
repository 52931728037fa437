/** `hearsay why`: explains why instances of a service are in or out of results, or why a node has its status. */
import { addClientOptions, type Client, type ClientOptions, createClient } from '../api/client.ts';
import { formatEndpoint } from '../api/instances.ts';
import { findJob } from '../api/jobs.ts';
import { parseResponse, type ServiceWhy, ServiceWhySchema } from '../api/schemas.ts';
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
import { colorStatus, formatAge, formatTable } from '../output/table.ts';
import { sanitize } from '../sanitize.ts';
import { formatJob } from './jobs.ts';
import { findPartitions, PARTITION_COLUMNS, partitionCells } from './partitions.ts';
import { isKnownNode, printNodeWhy } from './why-node.ts';

interface Options extends ClientOptions {
  readonly node?: boolean;
  readonly ask: boolean;
}

export const whyCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument(
      '<name>',
      'A node, a service, one instance as SERVICE/ID, a partition as SERVICE/NUMBER, or a job',
    )
    .option('--node', 'Explain the node, even if a service has the same name')
    .option('--no-ask', 'Use local evidence only, query no witnesses')
    .action(toAction(cli, (name: string, options: Options) => why(cli, name, options)));
  addExample(command, 'hearsay why db-1');
};

/** False: no job has this name. */
async function printJobWhy(
  cli: CliContext,
  client: Client,
  name: string,
  options: Options,
): Promise<boolean> {
  const job = await findJob(client, name);
  if (job === undefined) return false;
  if (options.json === true) printJson(cli.io, job);
  else cli.io.out.write(formatJob(job));
  return true;
}

/** False: no worker pool of that service has such a partition. */
async function printPartitionWhy(
  cli: CliContext,
  client: Client,
  name: string,
  options: Options,
): Promise<boolean> {
  const found = await findPartitions(client, name);
  if (found.length === 0) return false;
  if (options.json === true) printJson(cli.io, found);
  else
    for (const one of found)
      cli.io.out.write(
        `${formatTable(PARTITION_COLUMNS, [partitionCells(one)])}  ${sanitize(one.summary)}\n`,
      );
  return true;
}

/** A service takes precedence; a notice then points to the node of the same name. */
async function why(cli: CliContext, name: string, options: Options): Promise<number> {
  const client = await createClient(cli, options);
  const ofService = options.node === true ? undefined : await serviceNamed(client, name);
  if (ofService !== undefined && ofService.instances.length > 0) {
    if (options.json === true) printJson(cli.io, ofService);
    else cli.io.out.write(formatServiceWhy(cli, ofService));
    if (await isKnownNode(client, name))
      printNotice(cli.io, `${name} is also a node: run \`hearsay why --node ${name}\` to explain it`);
    return EXIT.done;
  }
  if (await printNodeWhy(cli, client, name, options)) return EXIT.done;
  if (options.node !== true && (await printPartitionWhy(cli, client, name, options))) return EXIT.done;
  if (options.node !== true && (await printJobWhy(cli, client, name, options))) return EXIT.done;
  if (ofService === undefined)
    throw new CliError(
      EXIT.notFound,
      `no node "${name}" is known: run \`hearsay members\` to list the nodes`,
    );
  if (options.json === true) printJson(cli.io, ofService);
  else cli.io.out.write(formatUnseen(ofService));
  throw new CliError(
    EXIT.notFound,
    `no node and no service "${name}" is known: run \`hearsay members\` and \`hearsay services\` to list them, and \`hearsay jobs\` for jobs`,
  );
}

async function serviceNamed(client: Client, name: string): Promise<ServiceWhy> {
  const at = name.indexOf('/');
  const [service, id] = at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)];
  const query = new URLSearchParams({ service, ...(id === '' ? {} : { id }) });
  return parseResponse(ServiceWhySchema, await client.get(`/v1/hearsay/why?${query}`), client);
}

/** One block per instance: a row with its status, then the reasons for and against it. */
function formatServiceWhy({ colors }: CliContext, { summary, instances }: ServiceWhy): string {
  const blocks = instances.map((one) => {
    const { usable, passing } = one.answers;
    const returned = usable ? (passing ? 'yes' : 'yes, but not where only passing ones are requested') : 'no';
    const head = formatTable(
      ['ID', 'NODE', 'ADDRESS', 'STATUS', 'RETURNED'],
      [[one.id, one.node, formatEndpoint(one), one.status, returned]],
      (cell, column) => (column === 3 ? colorStatus(colors, cell) : cell),
    );
    const lines = one.reasons.map(({ message, source, sinceMs, excludes }) => {
      const since = sinceMs === null ? '' : `, for ${formatAge(sinceMs)}`;
      const mark = excludes ? colors.red('-') : colors.yellow('~');
      return `  ${mark} ${sanitize(message)} (according to ${sanitize(source)}${since})\n`;
    });
    return head + (lines.length === 0 ? '  no reason to exclude it\n' : lines.join(''));
  });
  return `${blocks.join('\n')}\n${sanitize(summary)}\n`;
}

function formatUnseen({ summary, membersWithoutServices }: ServiceWhy): string {
  const rows = membersWithoutServices.map(({ node, status, message }) => [node, status, message]);
  const table = rows.length === 0 ? '' : formatTable(['NODE', 'STATUS', 'REASON'], rows);
  return `${sanitize(summary)}\n${table}`;
}
