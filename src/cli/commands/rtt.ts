/** `hearsay rtt`: the estimated round trip between two members, from network coordinates. */
import * as v from 'valibot';
import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { shaped } from '../api/schemas.ts';
import { act, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { clean } from '../sanitize.ts';

const RoundTrip = v.object({ a: v.string(), b: v.string(), ms: v.number() });

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command)
    .argument('<a>', 'a member')
    .argument('[b]', 'another; the local agent if not given')
    .action(
      act(cli, async (a: string, b: string | undefined, options: ClientOptions) => {
        const client = await clientFor(cli, options);
        const parameters = new URLSearchParams({ a, ...(b === undefined ? {} : { b }) });
        const answer = shaped(RoundTrip, await client.get(`/v1/hearsay/rtt?${parameters}`), client);
        if (options.json === true) printJson(cli.io, answer);
        else
          cli.io.out.write(
            `${clean(answer.a)} and ${clean(answer.b)}: ${answer.ms.toFixed(3)} ms, estimated\n`,
          );
        return EXIT.done;
      }),
    );
  example(command, 'hearsay rtt web-1 db-1');
};
