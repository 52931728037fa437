/** `hearsay rtt`: the round-trip time between two members, estimated from their network coordinates. */
import * as v from 'valibot';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { parseResponse } from '../api/schemas.ts';
import { addExample, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { sanitize } from '../sanitize.ts';

const RoundTripSchema = v.object({ a: v.string(), b: v.string(), ms: v.number() });

export const rttCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('<a>', 'Name of a member')
    .argument('[b]', 'Name of another member (default: the local agent)')
    .action(
      toAction(cli, async (a: string, b: string | undefined, options: ClientOptions) => {
        const client = await createClient(cli, options);
        const parameters = new URLSearchParams({ a, ...(b === undefined ? {} : { b }) });
        const answer = parseResponse(
          RoundTripSchema,
          await client.get(`/v1/hearsay/rtt?${parameters}`),
          client,
        );
        if (options.json === true) printJson(cli.io, answer);
        else
          cli.io.out.write(
            `${sanitize(answer.a)} to ${sanitize(answer.b)}: ${answer.ms.toFixed(3)} ms (estimated)\n`,
          );
        return EXIT.done;
      }),
    );
  addExample(command, 'hearsay rtt web-1 db-1');
};
