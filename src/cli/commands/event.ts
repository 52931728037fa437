/** `hearsay event`: fires a Serf user event that reaches every member. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { ConsulEventSchema, parseResponse } from '../api/schemas.ts';
import { addExample, type CliContext, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { sanitize } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly coalesce?: boolean;
  readonly node?: string;
  readonly service?: string;
  readonly tag?: string;
}

export const eventCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('<name>', 'Name of the event')
    .argument('[payload]', 'Payload; name and payload together may have 512 bytes')
    .option('--coalesce', 'Let receivers keep only the newest of several events of this name')
    .option('--node <re2>', 'Only for agents whose name matches')
    .option('--service <re2>', 'Only for agents with a service whose name matches')
    .option('--tag <re2>', 'Only if that service has a tag that matches')
    .action(
      toAction(cli, (name: string, payload: string | undefined, options: Options) =>
        fire(cli, name, payload ?? '', options),
      ),
    );
  addExample(command, 'hearsay event deploy v1.4.2');
  addExample(command, "hearsay event deploy v1.4.2 --service '^web$'");
};

async function fire(cli: CliContext, name: string, payload: string, options: Options): Promise<number> {
  const client = await createClient(cli, options);
  const query = new URLSearchParams(options.coalesce === true ? { coalesce: 'true' } : {});
  for (const filter of ['node', 'service', 'tag'] as const) {
    const expression = options[filter];
    if (expression !== undefined) query.set(filter, expression);
  }
  const answer = await client.put(
    `/v1/event/fire/${encodeURIComponent(name)}${query.size > 0 ? `?${query}` : ''}`,
    new TextEncoder().encode(payload),
  );
  const event = parseResponse(ConsulEventSchema, answer, client);
  if (options.json === true) printJson(cli.io, { id: event.ID, name: event.Name, payload });
  else cli.io.out.write(`fired ${sanitize(event.Name)}\n`);
  return EXIT.done;
}
