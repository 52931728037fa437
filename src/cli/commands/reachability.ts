/** `hearsay reachability`: asks every member to say that it hears us, and names those that do not. */

import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { EXIT_INTERRUPTED, sendQuery } from '../api/poll.ts';
import { MembersSchema, parseResponse } from '../api/schemas.ts';
import { addExample, type CliContext, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { sanitize } from '../sanitize.ts';

export const reachabilityCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command).action(toAction(cli, (options: ClientOptions) => reach(cli, options)));
  addExample(command, 'hearsay reachability');
};

async function reach(cli: CliContext, options: ClientOptions): Promise<number> {
  const { io, colors } = cli;
  const client = await createClient(cli, options);
  const members = parseResponse(MembersSchema, await client.get('/v1/hearsay/members'), client);
  const up = members
    .filter(({ status }) => status === 'alive' || status === 'suspect')
    .map(({ name }) => name);
  const expected = new Set(up);
  let told = 0;
  const question = { name: '_serf_ping', payload: '', parameters: '' };
  const asked = await sendQuery(cli, client, question, ({ acks }) => {
    if (options.json !== true)
      for (const from of acks.slice(told)) io.out.write(`${colors.green('reached')}  ${sanitize(from)}\n`);
    told = acks.length;
  });
  if (asked === undefined) return EXIT_INTERRUPTED;
  const reached = asked.acks.filter((name) => expected.has(name));
  const silent = up.filter((name) => !asked.acks.includes(name));
  if (options.json === true) printJson(io, { reached, silent, expected: up.length });
  else {
    for (const name of silent) io.out.write(`${colors.red('silent')}   ${sanitize(name)}\n`);
    io.out.write(`${reached.length} of ${up.length} members that are up answered\n`);
  }
  return silent.length === 0 ? EXIT.done : EXIT.failed;
}
