/** `hearsay register`: sends the services of a file, a directory or stdin to the agent, if all of them are valid. */
import { readServiceFiles, readServiceText, type ServiceFiles } from '../../files/service-files.ts';
import { MAX_FILE_BYTES } from '../../files/text.ts';
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
import { sanitize } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly replaceChecks?: boolean;
}

export const registerCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument(
      '<file>',
      'JSON or YAML file with one service, or with several under services, or a directory of files; - reads stdin',
    )
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
  const { registrations, problems, warnings } = await read(cli, path);
  for (const warning of warnings) printNotice(cli.io, `warning: ${warning}`);
  for (const problem of problems) printNotice(cli.io, `hearsay: ${problem}`);
  if (problems.length > 0) return EXIT.usage; // a bad file given to this command is wrong usage, not a configuration error
  const client = await createClient(cli, options);
  const registered: string[] = [];
  const failed: { id: string; error: string; exit: number }[] = [];
  for (const { service, body, location } of registrations) {
    const { id } = service;
    const error = await send(client, body, options.replaceChecks === true);
    if (error === undefined) registered.push(id);
    else failed.push({ id, error: `${location}: ${id}: ${error.message}`, exit: error.exit });
  }
  if (options.json === true)
    printJson(cli.io, { registered, failed: failed.map(({ id, error }) => ({ id, error })) });
  else for (const id of registered) cli.io.out.write(`${sanitize(id)} is registered\n`);
  for (const { error } of failed) printNotice(cli.io, `hearsay: ${error}`);
  return failed[0]?.exit ?? EXIT.done;
}

/** Resolves to the error if the agent refuses the service. Rejects if no agent answers: the others would fail, too. */
async function send(client: Client, body: unknown, replace: boolean): Promise<HttpStatusError | undefined> {
  try {
    await client.put(`/v1/agent/service/register${replace ? '?replace-existing-checks=true' : ''}`, body);
    return undefined;
  } catch (error) {
    if (error instanceof HttpStatusError) return error;
    throw error;
  }
}

async function read({ io }: CliContext, path: string): Promise<ServiceFiles> {
  if (path !== '-') return readServiceFiles([path], { refuseExec: EXEC_REFUSED });
  const text = await io.readStdin(MAX_FILE_BYTES).catch((error: Error) => {
    throw new CliError(EXIT.usage, error.message);
  });
  return readServiceText('stdin', text, { refuseExec: EXEC_REFUSED });
}

const EXEC_REFUSED =
  'a check that runs a program is only accepted from a --service file of the agent, with --allow-exec-checks';
