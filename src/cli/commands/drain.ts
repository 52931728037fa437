/** `hearsay drain`: an instance leaves the answers before it stops, so that nobody new comes to it. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { addExample, type CliContext, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { sanitize } from '../sanitize.ts';

export const drainCommand: CommandBuilder = (command, cli) => {
  for (const [word, enable] of [
    ['on', true],
    ['off', false],
  ] as const) {
    const sub = addClientOptions(command.command(word))
      .description(enable ? 'Out of the answers' : 'Back into the answers')
      .argument('<id>', 'of a service of this agent')
      .action(toAction(cli, (id: string, options: ClientOptions) => drain(cli, id, enable, options)));
    addExample(sub, `hearsay drain ${word} web-1`);
  }
  addExample(command, 'hearsay drain on web-1');
};

async function drain(cli: CliContext, id: string, on: boolean, options: ClientOptions): Promise<number> {
  const client = await createClient(cli, options);
  await client.put(`/v1/hearsay/drain/${encodeURIComponent(id)}?enable=${on}`);
  if (options.json === true) printJson(cli.io, { id, draining: on });
  else cli.io.out.write(`${sanitize(id)} is ${on ? 'draining' : 'back in the answers'}\n`);
  return EXIT.done;
}
