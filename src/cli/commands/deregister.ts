/** `hearsay deregister`: removes a service and its checks from the local agent. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { addExample, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { sanitize } from '../sanitize.ts';

export const deregisterCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('<id>', 'ID of a service of this agent (its name, if it was registered without one)')
    .action(
      toAction(cli, async (id: string, options: ClientOptions) => {
        const client = await createClient(cli, options);
        await client.put(`/v1/agent/service/deregister/${encodeURIComponent(id)}`);
        if (options.json === true) printJson(cli.io, { id, deregistered: true });
        else cli.io.out.write(`${sanitize(id)} is deregistered\n`);
        return EXIT.done;
      }),
    );
  addExample(command, 'hearsay deregister web-1');
};
