/** `hearsay register`: sends the services of a file, or of stdin, to the agent, which validates them. */
import { AgentError } from '../../base/errors.ts';
import type { ConfigFile, ConfigNode } from '../../config/file.ts';
import {
  addClientOptions,
  type Client,
  type ClientOptions,
  createClient,
  HttpStatusError,
} from '../api/client.ts';
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
import { MAX_FILE_BYTES, parseConfigText, readConfigFile } from '../input/files.ts';
import { sanitize } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly replaceChecks?: boolean;
}

export const registerCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('<file>', 'JSON or YAML file with one service, or with several under services; - reads stdin')
    .option('--replace-checks', 'Remove checks of an earlier registration that are not in the file')
    .addHelpText('after', FILE_HELP)
    .action(toAction(cli, (file: string, options: Options) => register(cli, file, options)));
  addExample(command, 'hearsay register web.yaml');
};

const FILE_HELP = `
Example of a file:
  service:
    name: web
    port: 8080
    tags: [v1]
    check: {http: "http://127.0.0.1:8080/health", interval: 10s}`;

async function register(cli: CliContext, path: string, options: Options): Promise<number> {
  const services = servicesIn(await read(cli, path));
  const client = await createClient(cli, options);
  const registered: string[] = [];
  const failed: { id: string; error: string; exit: number }[] = [];
  for (const service of services) {
    const error = await send(client, service, options.replaceChecks === true);
    if (error === undefined) registered.push(service.id);
    else
      failed.push({
        id: service.id,
        error: `${service.where}: ${service.id}: ${error.message}`,
        exit: error.exit,
      });
  }
  if (options.json === true)
    printJson(cli.io, { registered, failed: failed.map(({ id, error }) => ({ id, error })) });
  else for (const id of registered) cli.io.out.write(`${sanitize(id)} is registered\n`);
  for (const { error } of failed) printNotice(cli.io, `hearsay: ${error}`);
  return failed[0]?.exit ?? EXIT.done;
}

interface FileService {
  readonly id: string;
  /** `PATH:LINE`. */
  readonly where: string;
  readonly body: unknown;
}

/** Resolves to the error if the agent refuses the service. Rejects if no agent answers: the others would fail, too. */
async function send(
  client: Client,
  { body }: FileService,
  replace: boolean,
): Promise<HttpStatusError | undefined> {
  try {
    await client.put(`/v1/agent/service/register${replace ? '?replace-existing-checks=true' : ''}`, body);
    return undefined;
  } catch (error) {
    if (error instanceof HttpStatusError) return error;
    throw error;
  }
}

async function read({ io }: CliContext, path: string): Promise<ConfigFile> {
  try {
    if (path === '-') return await parseConfigText('stdin', await io.readStdin(MAX_FILE_BYTES));
    const { file, warnings } = await readConfigFile(path);
    for (const warning of warnings) printNotice(io, `warning: ${warning}`);
    return file;
  } catch (error) {
    // A bad file given to this command is wrong usage (2), not a configuration error (78).
    if (path === '-' || error instanceof AgentError)
      throw new CliError(EXIT.usage, error instanceof Error ? error.message : String(error));
    throw error;
  }
}

/** The services of a file. Throws `CliError` naming file and line if there is none, or one has no name. */
function servicesIn({ path, root }: ConfigFile): readonly FileService[] {
  const refuse = (line: number, clause: string): never => {
    throw new CliError(EXIT.usage, `${path}:${line}: ${clause}`);
  };
  const found: FileService[] = [];
  for (const node of unwrap(root, refuse)) {
    const fields = asMap(node) ?? refuse(node.line, 'a service must be a map');
    const text = (wanted: string): string => {
      const value = fieldOf(fields, wanted)?.value;
      return typeof value === 'string' ? value : '';
    };
    const id = text('id') || text('name') || refuse(node.line, 'a service must have a name');
    if (found.some((other) => other.id === id)) refuse(node.line, `two services have the ID "${id}"`);
    found.push({ id, where: `${path}:${node.line}`, body: toJson(node) });
  }
  return found.length > 0 ? found : refuse(root.line, 'contains no service');
}

/** The service nodes, bare or under `service` or `services`. */
function unwrap(root: ConfigNode, refuse: (line: number, clause: string) => never): readonly ConfigNode[] {
  const list = asList(root);
  if (list !== undefined) return list;
  if (root.value === null) return [];
  const fields = asMap(root);
  if (fields === undefined) return [root];
  const [one, several] = [fieldOf(fields, 'service'), fieldOf(fields, 'services')];
  if (one === undefined && several === undefined) return [root];
  for (const [key, { line }] of fields)
    if (!['service', 'services'].includes(normalizeKey(key)))
      refuse(line, `${key}: is not allowed beside service`);
  return [
    ...(one === undefined ? [] : [one]),
    ...(several === undefined ? [] : (asList(several) ?? refuse(several.line, 'services must be a list'))),
  ];
}

const asMap = ({ value }: ConfigNode): ReadonlyMap<string, ConfigNode> | undefined =>
  value instanceof Map ? value : undefined;

const asList = ({ value }: ConfigNode): readonly ConfigNode[] | undefined =>
  Array.isArray(value) ? (value as readonly ConfigNode[]) : undefined;

/** The field `wanted`. As in the agent, keys are compared without case and `_`. Source: J1, J2 (docs/consul.md). */
const fieldOf = (fields: ReadonlyMap<string, ConfigNode>, wanted: string): ConfigNode | undefined =>
  [...fields].find(([key]) => normalizeKey(key) === wanted)?.[1];

const normalizeKey = (key: string): string => key.replaceAll('_', '').toLowerCase();

function toJson(node: ConfigNode): unknown {
  const map = asMap(node);
  if (map !== undefined) return Object.fromEntries([...map].map(([key, value]) => [key, toJson(value)]));
  return asList(node)?.map(toJson) ?? node.value;
}
