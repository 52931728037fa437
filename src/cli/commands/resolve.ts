/** `hearsay resolve`: the addresses of a service's usable instances, nearest first. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { formatEndpoint } from '../api/instances.ts';
import { parseResponse, ResolvedInstancesSchema } from '../api/schemas.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  toAction,
} from '../command.ts';
import { sanitize } from '../sanitize.ts';

export const resolveCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('<name>', 'Name of the service, or NAME:PORT for its port of that name')
    .action(toAction(cli, (name: string, options: ClientOptions) => resolve(cli, name, options)));
  addExample(command, 'curl http://$(hearsay resolve web | head -1)/');
};

async function resolve(cli: CliContext, name: string, options: ClientOptions): Promise<number> {
  const client = await createClient(cli, options);
  const [service = '', port] = name.split(':');
  const query = port === undefined ? '' : `?port=${encodeURIComponent(port)}`;
  const answer = await client.get(`/v1/hearsay/resolve/${encodeURIComponent(service)}${query}`);
  const instances = parseResponse(ResolvedInstancesSchema, answer, client);
  if (options.json === true) printJson(cli.io, answer);
  else for (const one of instances) cli.io.out.write(`${sanitize(formatEndpoint(one))}\n`);
  if (instances.length > 0) return EXIT.done;
  throw new CliError(
    EXIT.notFound,
    `no usable instance of "${name}": run \`hearsay why ${service}\` to see why`,
  );
}
