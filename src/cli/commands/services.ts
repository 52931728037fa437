/** `hearsay services`: the catalogue as this agent knows it; with a name, the instances of that service. */

import { type Client, type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { hostOf, instanceOf } from '../api/instances.ts';
import { Entries, type Entry, Services, shaped } from '../api/schemas.ts';
import { act, type Cli, CliError, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { collect } from '../input/pairs.ts';
import { columns, paintStatus } from '../output/table.ts';

/** Services asked for at once with `--passing`, each by a request of its own. */
const AT_ONCE = 8;

interface Options extends ClientOptions {
  readonly passing?: boolean;
  readonly tag?: readonly string[];
}

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command)
    .argument('[name]', 'of a service')
    .option('--passing', 'only instances whose checks all pass; without a name: services that have one')
    .option('--tag <tag>', 'only instances with this tag; with all of them if several', collect)
    .action(
      act(cli, async (name: string | undefined, options: Options) => {
        const client = await clientFor(cli, options);
        return name === undefined ? catalogue(cli, client, options) : instances(cli, client, name, options);
      }),
    );
  example(command, 'hearsay services web --passing');
};

async function catalogue(cli: Cli, client: Client, options: Options): Promise<number> {
  const all = shaped(Services, await client.get('/v1/catalog/services'), client);
  const wanted = (options.tag ?? []).map((tag) => tag.toLowerCase());
  const byName = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  const tagged = byName.filter(([, tags]) => {
    const own = new Set(tags.map((tag) => tag.toLowerCase()));
    return wanted.every((tag) => own.has(tag));
  });
  // The tags of a service are those of all its instances: that one of them has all the wanted ones must be asked.
  const shown =
    options.passing === true || wanted.length > 1 ? await withInstances(client, tagged, options) : tagged;
  if (options.json === true) printJson(cli.io, Object.fromEntries(shown));
  else
    cli.io.out.write(
      columns(
        ['SERVICE', 'TAGS'],
        shown.map(([name, tags]) => [name, tags.join(',')]),
      ),
    );
  return EXIT.done;
}

async function instances(cli: Cli, client: Client, name: string, options: Options): Promise<number> {
  const answer = await client.get(pathOf(name, options));
  const found = shaped(Entries, answer, client);
  if (options.json === true) printJson(cli.io, answer);
  else if (found.length > 0) cli.io.out.write(table(cli, found));
  if (found.length > 0) return EXIT.done;
  const filtered = options.passing === true || options.tag !== undefined;
  throw new CliError(
    EXIT.notFound,
    filtered
      ? `no instance of "${name}" is as asked: see \`hearsay services ${name}\` for what there is`
      : `no service of the name "${name}": see \`hearsay services\` for those there are`,
  );
}

function table({ colors }: Cli, found: readonly Entry[]): string {
  return columns(
    ['ID', 'NODE', 'ADDRESS', 'STATUS', 'TAGS'],
    found.map(instanceOf).map((one) => [one.id, one.node, hostOf(one), one.status, one.tags.join(',')]),
    (cell, column) => (column === 3 ? paintStatus(colors, cell) : cell),
  );
}

async function withInstances<S extends readonly [string, unknown]>(
  client: Client,
  services: readonly S[],
  options: Options,
): Promise<readonly S[]> {
  const found: S[] = [];
  for (let i = 0; i < services.length; i += AT_ONCE) {
    const group = services.slice(i, i + AT_ONCE);
    const sizes = await Promise.all(
      group.map(async ([name]) => shaped(Entries, await client.get(pathOf(name, options)), client).length),
    );
    found.push(...group.filter((_, at) => sizes[at] !== 0));
  }
  return found;
}

/** Where the instances of one service are read. */
export function pathOf(name: string, { passing, tag = [] }: Pick<Options, 'passing' | 'tag'>): string {
  const query = new URLSearchParams();
  for (const one of tag) query.append('tag', one);
  if (passing === true) query.set('passing', '1');
  const text = query.toString();
  return `/v1/health/service/${encodeURIComponent(name)}${text === '' ? '' : `?${text}`}`;
}
