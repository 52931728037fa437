/** `hearsay why`: why instances of a service are, or are not, in the answers; why a node is taken for what it is. */

import { addClientOptions, type Client, type ClientOptions, createClient } from '../api/client.ts';
import { formatEndpoint } from '../api/instances.ts';
import { parseResponse, ServiceWhy } from '../api/schemas.ts';
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
import { isKnownNode, printNodeWhy } from './why-node.ts';

interface Options extends ClientOptions {
  readonly node?: boolean;
  readonly ask: boolean;
}

export const whyCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('<name>', 'a node, a service, or one instance as service/id')
    .option('--node', 'the node of this name, if there is a service of the same')
    .option('--no-ask', 'tell what this agent saw, and do not ask other agents about a node')
    .action(toAction(cli, (name: string, options: Options) => why(cli, name, options)));
  addExample(command, 'hearsay why db-1');
};

/** A service goes first: it is told in any case that a node has the name as well. */
async function why(cli: CliContext, name: string, options: Options): Promise<number> {
  const client = await createClient(cli, options);
  const ofService = options.node === true ? undefined : await serviceNamed(client, name);
  if (ofService !== undefined && ofService.instances.length > 0) {
    if (options.json === true) printJson(cli.io, ofService);
    else cli.io.out.write(formatServiceWhy(cli, ofService));
    if (await isKnownNode(client, name))
      printNotice(cli.io, `${name} is a node, too: see \`hearsay why --node ${name}\``);
    return EXIT.done;
  }
  if (await printNodeWhy(cli, client, name, options)) return EXIT.done;
  if (ofService === undefined)
    throw new CliError(
      EXIT.notFound,
      `no node "${name}" has been seen: see \`hearsay members\` for those there are`,
    );
  if (options.json === true) printJson(cli.io, ofService);
  else cli.io.out.write(formatUnseen(ofService));
  throw new CliError(
    EXIT.notFound,
    `no node and no instance of "${name}" has been seen: see \`hearsay members\` and \`hearsay services\` for those there are`,
  );
}

async function serviceNamed(client: Client, name: string): Promise<ServiceWhy> {
  const at = name.indexOf('/');
  const [service, id] = at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)];
  const query = new URLSearchParams({ service, ...(id === '' ? {} : { id }) });
  return parseResponse(ServiceWhy, await client.get(`/v1/hearsay/why?${query}`), client);
}

/** One block for each instance: what it is, then what is said of it. */
function formatServiceWhy({ colors }: CliContext, { summary, instances }: ServiceWhy): string {
  const blocks = instances.map((one) => {
    const { usable, passing } = one.answers;
    const answered = usable ? (passing ? 'yes' : 'yes, but not to those who ask for passing ones') : 'no';
    const head = formatTable(
      ['ID', 'NODE', 'ADDRESS', 'STATUS', 'ANSWERED'],
      [[one.id, one.node, formatEndpoint(one), one.status, answered]],
      (cell, column) => (column === 3 ? colorStatus(colors, cell) : cell),
    );
    const lines = one.reasons.map(({ message, source, sinceMs, excludes }) => {
      const since = sinceMs === null ? '' : `, for ${formatAge(sinceMs)}`;
      const mark = excludes ? colors.red('-') : colors.yellow('~');
      return `  ${mark} ${sanitize(message)} (${sanitize(source)} says so${since})\n`;
    });
    return head + (lines.length === 0 ? '  nothing is said against it\n' : lines.join(''));
  });
  return `${blocks.join('\n')}\n${sanitize(summary)}\n`;
}

function formatUnseen({ summary, membersWithoutServices }: ServiceWhy): string {
  const rows = membersWithoutServices.map(({ node, status, message }) => [node, status, message]);
  const table = rows.length === 0 ? '' : formatTable(['NODE', 'STATUS', 'WHAT IS KNOWN'], rows);
  return `${sanitize(summary)}\n${table}`;
}
