/** `hearsay forget`: a failed node becomes left, for the whole cluster. */
import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { act, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { clean } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly prune?: boolean;
}

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command)
    .argument('<node>', 'its name')
    .option('--prune', 'drop it from the list of members, too')
    .action(
      act(cli, async (node: string, options: Options) => {
        const client = await clientFor(cli, options);
        const prune = options.prune === true ? '?prune' : '';
        await client.put(`/v1/hearsay/forget/${encodeURIComponent(node)}${prune}`);
        if (options.json === true) printJson(cli.io, { node, forgotten: true });
        else cli.io.out.write(`${clean(node)} is forgotten\n`);
        return EXIT.done;
      }),
    );
  example(command, 'hearsay forget web-3 --prune');
};
