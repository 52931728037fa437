/** `hearsay reachability`: sends a ping query and shows which members acknowledge it, as `serf reachability`. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { type QueryState, sendQuery } from '../api/poll.ts';
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
  let shown = 0;
  const ping = { name: '_serf_ping', payload: '', parameters: '' };
  const show = ({ acks }: QueryState): void => {
    if (options.json !== true)
      for (const from of acks.slice(shown)) io.out.write(`${colors.green('reached')}  ${sanitize(from)}\n`);
    shown = acks.length;
  };
  const isEnough = ({ acks }: QueryState): boolean => up.every((name) => acks.includes(name));
  const result = await sendQuery(cli, client, ping, show, isEnough);
  if (result === undefined) return EXIT.interrupted;
  const reached = result.acks.filter((name) => expected.has(name));
  const unresponsive = up.filter((name) => !result.acks.includes(name));
  if (options.json === true) printJson(io, { reached, unresponsive, expected: up.length });
  else {
    for (const name of unresponsive) io.out.write(`${colors.red('no ack')}   ${sanitize(name)}\n`);
    io.out.write(`${reached.length} of ${up.length} live members acknowledged\n`);
  }
  return unresponsive.length === 0 ? EXIT.done : EXIT.failed;
}
