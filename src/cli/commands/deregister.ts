/** `hearsay deregister`: removes a service of the local agent, with its checks. */
import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { act, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { clean } from '../sanitize.ts';

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command)
    .argument('<id>', 'of a service of this agent; its name, if it was registered without an id')
    .action(
      act(cli, async (id: string, options: ClientOptions) => {
        const client = await clientFor(cli, options);
        await client.put(`/v1/agent/service/deregister/${encodeURIComponent(id)}`);
        if (options.json === true) printJson(cli.io, { id, deregistered: true });
        else cli.io.out.write(`${clean(id)} is deregistered\n`);
        return EXIT.done;
      }),
    );
  example(command, 'hearsay deregister web-1');
};
