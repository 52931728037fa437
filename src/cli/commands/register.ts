/**
 * `hearsay register`: sends the services of a file, or of stdin, to the agent. What a service must be is the
 * agent's to judge.
 */
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
    .argument(
      '<file>',
      'JSON or YAML: one service, bare or under service, or several under services; - is stdin',
    )
    .option('--replace-checks', 'drop checks of an earlier registration that are not in the file')
    .addHelpText('after', FILE_HELP)
    .action(toAction(cli, (file: string, options: Options) => register(cli, file, options)));
  addExample(command, 'hearsay register web.yaml');
};

const FILE_HELP = `
A file such as:
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

/** Resolves to the agent's refusal, if it refuses. Rejects when no agent answers: then the others need not be tried. */
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
    // As an argument of this command, a bad file is bad usage, not a bad configuration.
    if (path === '-' || error instanceof AgentError)
      throw new CliError(EXIT.usage, error instanceof Error ? error.message : String(error));
    throw error;
  }
}

/** Throws `CliError`, naming file and line, where there is none, or one without a name. */
function servicesIn({ path, root }: ConfigFile): readonly FileService[] {
  const refuse = (line: number, clause: string): never => {
    throw new CliError(EXIT.usage, `${path}:${line}: ${clause}`);
  };
  const found: FileService[] = [];
  for (const node of unwrapped(root, refuse)) {
    const fields = mapIn(node) ?? refuse(node.line, 'a service must be a map');
    const text = (wanted: string): string => {
      const value = fieldOf(fields, wanted)?.value;
      return typeof value === 'string' ? value : '';
    };
    const id = text('id') || text('name') || refuse(node.line, 'a service must have a name');
    if (found.some((other) => other.id === id)) refuse(node.line, `there are two services of the id "${id}"`);
    found.push({ id, where: `${path}:${node.line}`, body: jsonOf(node) });
  }
  return found.length > 0 ? found : refuse(root.line, 'there is no service in it');
}

/** The services themselves, out of what may stand around them. */
function unwrapped(root: ConfigNode, refuse: (line: number, clause: string) => never): readonly ConfigNode[] {
  const list = listIn(root);
  if (list !== undefined) return list;
  if (root.value === null) return [];
  const fields = mapIn(root);
  if (fields === undefined) return [root];
  const [one, several] = [fieldOf(fields, 'service'), fieldOf(fields, 'services')];
  if (one === undefined && several === undefined) return [root];
  for (const [key, { line }] of fields)
    if (!['service', 'services'].includes(plain(key))) refuse(line, `${key}: does not belong beside service`);
  return [
    ...(one === undefined ? [] : [one]),
    ...(several === undefined ? [] : (listIn(several) ?? refuse(several.line, 'services must be a list'))),
  ];
}

const mapIn = ({ value }: ConfigNode): ReadonlyMap<string, ConfigNode> | undefined =>
  value instanceof Map ? value : undefined;

const listIn = ({ value }: ConfigNode): readonly ConfigNode[] | undefined =>
  Array.isArray(value) ? (value as readonly ConfigNode[]) : undefined;

/** Keys are read as the agent reads them: without regard to case and `_`. Source: J1, J2 (docs/consul.md). */
const fieldOf = (fields: ReadonlyMap<string, ConfigNode>, wanted: string): ConfigNode | undefined =>
  [...fields].find(([key]) => plain(key) === wanted)?.[1];

const plain = (key: string): string => key.replaceAll('_', '').toLowerCase();

function jsonOf(node: ConfigNode): unknown {
  const map = mapIn(node);
  if (map !== undefined) return Object.fromEntries([...map].map(([key, value]) => [key, jsonOf(value)]));
  return listIn(node)?.map(jsonOf) ?? node.value;
}
