/** `hearsay services`: the services of the catalog; with a name, the instances of that service. */
import { addClientOptions, type Client, type ClientOptions, createClient } from '../api/client.ts';
import { formatEndpoint, toInstanceRow } from '../api/instances.ts';
import {
  CatalogServicesSchema,
  parseResponse,
  ServiceEntriesSchema,
  type ServiceEntry,
} from '../api/schemas.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  toAction,
} from '../command.ts';
import { collectValues } from '../input/pairs.ts';
import { colorStatus, compareNames, formatTable } from '../output/table.ts';

/** Concurrent requests for instances, one per service. */
const MAX_CONCURRENT = 8;

interface Options extends ClientOptions {
  readonly passing?: boolean;
  readonly tag?: readonly string[];
}

export const servicesCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('[name]', 'Name of a service')
    .option('--passing', 'Show only instances whose checks all pass; without a name, services that have one')
    .option(
      '--tag <tag>',
      'Show only instances with this tag; several must all match (repeatable)',
      collectValues,
    )
    .action(
      toAction(cli, async (name: string | undefined, options: Options) => {
        const client = await createClient(cli, options);
        return name === undefined
          ? printCatalog(cli, client, options)
          : instances(cli, client, name, options);
      }),
    );
  addExample(command, 'hearsay services web --passing');
};

async function printCatalog(cli: CliContext, client: Client, options: Options): Promise<number> {
  const all = parseResponse(CatalogServicesSchema, await client.get('/v1/catalog/services'), client);
  const wanted = (options.tag ?? []).map((tag) => tag.toLowerCase());
  const byName = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  const tagged = byName.filter(([, tags]) => {
    const own = new Set(tags.map((tag) => tag.toLowerCase()));
    return wanted.every((tag) => own.has(tag));
  });
  // The catalog has the union of the tags of all instances: whether one instance has all wanted tags needs a request.
  const shown =
    options.passing === true || wanted.length > 1 ? await withInstances(client, tagged, options) : tagged;
  if (options.json === true) printJson(cli.io, Object.fromEntries(shown));
  else
    cli.io.out.write(
      formatTable(
        ['SERVICE', 'TAGS'],
        shown.map(([name, tags]) => [name, tags.join(',')]),
      ),
    );
  return EXIT.done;
}

async function instances(cli: CliContext, client: Client, name: string, options: Options): Promise<number> {
  const answer = await client.get(healthServicePath(name, options));
  const found = parseResponse(ServiceEntriesSchema, answer, client);
  if (options.json === true) printJson(cli.io, answer);
  else if (found.length > 0) cli.io.out.write(table(cli, found));
  if (found.length > 0) return EXIT.done;
  const filtered = options.passing === true || options.tag !== undefined;
  throw new CliError(
    EXIT.notFound,
    filtered
      ? `no instance of "${name}" matches: run \`hearsay services ${name}\` to see all of them`
      : `no service "${name}": run \`hearsay services\` to list them`,
  );
}

function table({ colors }: CliContext, found: readonly ServiceEntry[]): string {
  return formatTable(
    ['ID', 'NODE', 'ADDRESS', 'STATUS', 'TAGS'],
    found
      .map(toInstanceRow)
      .sort((a, b) => compareNames(a.id, b.id) || compareNames(a.node, b.node))
      .map((one) => [one.id, one.node, formatEndpoint(one), one.status, one.tags.join(',')]),
    (cell, column) => (column === 3 ? colorStatus(colors, cell) : cell),
  );
}

async function withInstances<S extends readonly [string, unknown]>(
  client: Client,
  services: readonly S[],
  options: Options,
): Promise<readonly S[]> {
  const found: S[] = [];
  for (let i = 0; i < services.length; i += MAX_CONCURRENT) {
    const group = services.slice(i, i + MAX_CONCURRENT);
    const sizes = await Promise.all(
      group.map(
        async ([name]) =>
          parseResponse(ServiceEntriesSchema, await client.get(healthServicePath(name, options)), client)
            .length,
      ),
    );
    found.push(...group.filter((_, at) => sizes[at] !== 0));
  }
  return found;
}

/** HTTP path of the instances of one service. */
export function healthServicePath(
  name: string,
  { passing, tag = [] }: Pick<Options, 'passing' | 'tag'>,
): string {
  const query = new URLSearchParams();
  for (const one of tag) query.append('tag', one);
  if (passing === true) query.set('passing', '1');
  const text = query.toString();
  return `/v1/health/service/${encodeURIComponent(name)}${text === '' ? '' : `?${text}`}`;
}
