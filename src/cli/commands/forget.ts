/** `hearsay forget`: turns a failed node into one that left, for the whole cluster. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { addExample, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { sanitize } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly prune?: boolean;
}

export const forgetCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('<node>', 'Name of the failed node')
    .option('--prune', 'Remove it from the list of members, too')
    .action(
      toAction(cli, async (node: string, options: Options) => {
        const client = await createClient(cli, options);
        const prune = options.prune === true ? '?prune' : '';
        await client.put(`/v1/hearsay/forget/${encodeURIComponent(node)}${prune}`);
        if (options.json === true) printJson(cli.io, { node, forgotten: true });
        else cli.io.out.write(`${sanitize(node)} is forgotten\n`);
        return EXIT.done;
      }),
    );
  addExample(command, 'hearsay forget web-3 --prune');
};
