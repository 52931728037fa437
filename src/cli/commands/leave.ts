/** `hearsay leave`: the local agent tells the cluster, and stops. */
import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { act, type CommandModule, EXIT, example, printJson } from '../command.ts';

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command).action(
    act(cli, async (options: ClientOptions) => {
      const client = await clientFor(cli, options);
      await client.put('/v1/agent/leave');
      if (options.json === true) printJson(cli.io, { left: true });
      else cli.io.out.write(`the agent at ${client.address} has left\n`);
      return EXIT.done;
    }),
  );
  example(command, 'hearsay leave');
};
