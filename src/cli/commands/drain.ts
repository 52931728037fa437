/** `hearsay drain`: takes an instance out of results before it stops, so that it gets no new clients. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { addExample, type CliContext, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { sanitize } from '../sanitize.ts';

export const drainCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('<id>', 'ID of a service of this agent')
    .addHelpText('after', '\n`drain ID` is short for `drain on ID`, which an instance named on or off needs.')
    .action(toAction(cli, (id: string, options: ClientOptions) => drain(cli, id, true, options)));
  for (const [name, enable] of [
    ['on', true],
    ['off', false],
  ] as const) {
    const sub = addClientOptions(command.command(name))
      .description(enable ? 'Take an instance out of results' : 'Return an instance to results')
      .argument('<id>', 'ID of a service of this agent')
      .action(toAction(cli, (id: string, options: ClientOptions) => drain(cli, id, enable, options)));
    addExample(sub, `hearsay drain ${name} web-1`);
  }
  addExample(command, 'hearsay drain web-1');
};

async function drain(cli: CliContext, id: string, on: boolean, options: ClientOptions): Promise<number> {
  const client = await createClient(cli, options);
  await client.put(`/v1/hearsay/drain/${encodeURIComponent(id)}?enable=${on}`);
  if (options.json === true) printJson(cli.io, { id, draining: on });
  else cli.io.out.write(`${sanitize(id)} is ${on ? 'draining' : 'back in results'}\n`);
  return EXIT.done;
}
