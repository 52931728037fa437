/** `hearsay reachability`: asks every member to say that it hears us, and names those that do not. */

import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { askAll, INTERRUPTED } from '../api/poll.ts';
import { Members, shaped } from '../api/schemas.ts';
import { act, type Cli, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { clean } from '../sanitize.ts';

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command).action(act(cli, (options: ClientOptions) => reach(cli, options)));
  example(command, 'hearsay reachability');
};

async function reach(cli: Cli, options: ClientOptions): Promise<number> {
  const { io, colors } = cli;
  const client = await clientFor(cli, options);
  const members = shaped(Members, await client.get('/v1/hearsay/members'), client);
  const up = members
    .filter(({ status }) => status === 'alive' || status === 'suspect')
    .map(({ name }) => name);
  const expected = new Set(up);
  let told = 0;
  const question = { name: '_serf_ping', payload: '', parameters: '' };
  const asked = await askAll(cli, client, question, ({ acks }) => {
    if (options.json !== true)
      for (const from of acks.slice(told)) io.out.write(`${colors.green('reached')}  ${clean(from)}\n`);
    told = acks.length;
  });
  if (asked === undefined) return INTERRUPTED;
  const reached = asked.acks.filter((name) => expected.has(name));
  const silent = up.filter((name) => !asked.acks.includes(name));
  if (options.json === true) printJson(io, { reached, silent, expected: up.length });
  else {
    for (const name of silent) io.out.write(`${colors.red('silent')}   ${clean(name)}\n`);
    io.out.write(`${reached.length} of ${up.length} members that are up answered\n`);
  }
  return silent.length === 0 ? EXIT.done : EXIT.failed;
}
