/** `hearsay event`: fires a Serf user event, to every member. */

import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { shaped, UserEvent } from '../api/schemas.ts';
import { act, type Cli, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { clean } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly coalesce?: boolean;
}

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command)
    .argument('<name>', 'what happened')
    .argument('[payload]', 'what else there is to say; name and payload take at most 512 bytes')
    .option('--coalesce', 'of several with this name only the newest matters')
    .action(
      act(cli, (name: string, payload: string | undefined, options: Options) =>
        fire(cli, name, payload ?? '', options),
      ),
    );
  example(command, 'hearsay event deploy v1.4.2');
};

async function fire(cli: Cli, name: string, payload: string, options: Options): Promise<number> {
  const client = await clientFor(cli, options);
  const coalesce = options.coalesce === true ? '?coalesce=true' : '';
  const answer = await client.put(
    `/v1/event/fire/${encodeURIComponent(name)}${coalesce}`,
    new TextEncoder().encode(payload),
  );
  const event = shaped(UserEvent, answer, client);
  if (options.json === true) printJson(cli.io, { id: event.ID, name: event.Name, payload });
  else cli.io.out.write(`fired ${clean(event.Name)}\n`);
  return EXIT.done;
}
