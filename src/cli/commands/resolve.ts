/** `hearsay resolve`: what a sidecar would connect to, nearest first. */

import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { hostOf } from '../api/instances.ts';
import { Places, shaped } from '../api/schemas.ts';
import { act, type Cli, CliError, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { clean } from '../sanitize.ts';

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command)
    .argument('<name>', 'of a service')
    .action(act(cli, (name: string, options: ClientOptions) => resolve(cli, name, options)));
  example(command, 'curl http://$(hearsay resolve web | head -1)/');
};

async function resolve(cli: Cli, name: string, options: ClientOptions): Promise<number> {
  const client = await clientFor(cli, options);
  const answer = await client.get(`/v1/hearsay/resolve/${encodeURIComponent(name)}`);
  const places = shaped(Places, answer, client);
  if (options.json === true) printJson(cli.io, answer);
  else for (const place of places) cli.io.out.write(`${clean(hostOf(place))}\n`);
  if (places.length > 0) return EXIT.done;
  throw new CliError(
    EXIT.notFound,
    `no usable instance of "${name}": see \`hearsay services ${name}\` for those there are`,
  );
}
