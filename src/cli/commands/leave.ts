/** `hearsay leave`: the local agent leaves the cluster and stops. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { addExample, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';

export const leaveCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command).action(
    toAction(cli, async (options: ClientOptions) => {
      const client = await createClient(cli, options);
      await client.put('/v1/agent/leave');
      if (options.json === true) printJson(cli.io, { left: true });
      else cli.io.out.write(`the agent at ${client.address} has left\n`);
      return EXIT.done;
    }),
  );
  addExample(command, 'hearsay leave');
};
