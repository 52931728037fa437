/** `hearsay why`: why instances of a service are, or are not, in the answers. */
import { ServiceWhy, shaped } from './answers.ts';
import { type Client, type ClientOptions, clientFor, clientOptions } from './client.ts';
import { age, columns, paintStatus } from './columns.ts';
import { act, type Cli, CliError, type CommandModule, EXIT, example, printJson } from './command.ts';
import { hostOf } from './instances.ts';
import { clean } from './sanitize.ts';

/** Tells what it knows of a name and gives the exit code; `undefined` if the name is none of its kind. */
type Teller = (cli: Cli, client: Client, name: string, options: ClientOptions) => Promise<number | undefined>;

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command)
    .argument('<service[/id]>', 'a service, or one of its instances')
    .action(
      act(cli, async (name: string, options: ClientOptions) => {
        const client = await clientFor(cli, options);
        for (const tell of TELLERS) {
          const exit = await tell(cli, client, name, options);
          if (exit !== undefined) return exit;
        }
        throw new CliError(
          EXIT.notFound,
          `nothing of the name "${name}" has been seen: see \`hearsay services\` for what there is`,
        );
      }),
    );
  example(command, 'hearsay why web/web-1');
};

async function aboutService(
  cli: Cli,
  client: Client,
  name: string,
  options: ClientOptions,
): Promise<number | undefined> {
  const at = name.indexOf('/');
  const [service, id] = at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)];
  const query = new URLSearchParams({ service, ...(id === '' ? {} : { id }) });
  const why = shaped(ServiceWhy, await client.get(`/v1/hearsay/why?${query}`), client);
  if (options.json === true) printJson(cli.io, why);
  if (why.instances.length === 0) {
    if (options.json !== true) cli.io.out.write(notSeen(why));
    throw new CliError(
      EXIT.notFound,
      `no instance of "${name}" has been seen: see \`hearsay services\` for those there are`,
    );
  }
  if (options.json !== true) cli.io.out.write(story(cli, why));
  return EXIT.done;
}

/** In the order in which a name is looked up. */
const TELLERS: readonly Teller[] = [aboutService];

/** One block for each instance: what it is, then what is said of it. */
function story({ colors }: Cli, { verdict, instances }: ServiceWhy): string {
  const blocks = instances.map((one) => {
    const { usable, passing } = one.answers;
    const answered = usable ? (passing ? 'yes' : 'yes, but not to those who ask for passing ones') : 'no';
    const head = columns(
      ['ID', 'NODE', 'ADDRESS', 'STATUS', 'ANSWERED'],
      [[one.id, one.node, hostOf(one), one.status, answered]],
      (cell, column) => (column === 3 ? paintStatus(colors, cell) : cell),
    );
    const lines = one.reasons.map(({ says, by, sinceMs, excludes }) => {
      const since = sinceMs === null ? '' : `, for ${age(sinceMs)}`;
      const mark = excludes ? colors.red('-') : colors.yellow('~');
      return `  ${mark} ${clean(says)} (${clean(by)} says so${since})\n`;
    });
    return head + (lines.length === 0 ? '  nothing is said against it\n' : lines.join(''));
  });
  return `${blocks.join('\n')}\n${clean(verdict)}\n`;
}

function notSeen({ verdict, unseen }: ServiceWhy): string {
  const rows = unseen.map(({ node, status, says }) => [node, status, says]);
  const table = rows.length === 0 ? '' : columns(['NODE', 'STATUS', 'WHAT IS KNOWN'], rows);
  return `${clean(verdict)}\n${table}`;
}
