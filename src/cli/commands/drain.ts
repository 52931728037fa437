/** `hearsay drain`: an instance leaves the answers before it stops, so that nobody new comes to it. */
import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { act, type Cli, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { clean } from '../sanitize.ts';

export const build: CommandModule['build'] = (command, cli) => {
  for (const [word, enable] of [
    ['on', true],
    ['off', false],
  ] as const) {
    const sub = clientOptions(command.command(word))
      .description(enable ? 'Out of the answers' : 'Back into the answers')
      .argument('<id>', 'of a service of this agent')
      .action(act(cli, (id: string, options: ClientOptions) => drain(cli, id, enable, options)));
    example(sub, `hearsay drain ${word} web-1`);
  }
  example(command, 'hearsay drain on web-1');
};

async function drain(cli: Cli, id: string, on: boolean, options: ClientOptions): Promise<number> {
  const client = await clientFor(cli, options);
  await client.put(`/v1/hearsay/drain/${encodeURIComponent(id)}?enable=${on}`);
  if (options.json === true) printJson(cli.io, { id, draining: on });
  else cli.io.out.write(`${clean(id)} is ${on ? 'draining' : 'back in the answers'}\n`);
  return EXIT.done;
}
