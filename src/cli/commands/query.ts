/** `hearsay query`: asks all members, and prints who heard it and what they answer, as it comes. */

import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { EXIT_INTERRUPTED, type QueryState, sendQuery } from '../api/poll.ts';
import { addExample, type CliContext, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { collectValues } from '../input/pairs.ts';
import { sanitize } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly node?: readonly string[];
  readonly tag?: readonly string[];
  readonly timeout?: string;
  readonly ack: boolean;
  readonly relayFactor?: string;
}

export const queryCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('<name>', 'what is asked; handlers know it by this name')
    .argument('[payload]', 'what else there is to say')
    .option('--node <name>', 'only this member; several if repeated', collectValues)
    .option(
      '--tag <key=expression>',
      'only where the value of the tag matches; with all of them if several',
      collectValues,
    )
    .option('--timeout <duration>', "how long to wait for answers (default: by the cluster's size)")
    .option('--no-ack', 'do not have everybody say that it came')
    .option('--relay-factor <n>', 'send each answer through so many members as well')
    .action(
      toAction(cli, (name: string, payload: string | undefined, options: Options) =>
        query(cli, name, payload ?? '', options),
      ),
    );
  addExample(command, 'hearsay query load --tag role=web');
};

async function query(cli: CliContext, name: string, payload: string, options: Options): Promise<number> {
  const { io } = cli;
  const client = await createClient(cli, options);
  const parameters = new URLSearchParams();
  for (const node of options.node ?? []) parameters.append('node', node);
  for (const tag of options.tag ?? []) parameters.append('tag', tag);
  if (options.timeout !== undefined) parameters.append('timeout', options.timeout);
  if (!options.ack) parameters.append('no-ack', '');
  if (options.relayFactor !== undefined) parameters.append('relay-factor', options.relayFactor);
  let acks = 0;
  let responses = 0;
  const show = (asked: QueryState): void => {
    if (options.json === true) return;
    for (const from of asked.acks.slice(acks)) io.out.write(`ack       ${sanitize(from)}\n`);
    for (const { from, payload: said } of asked.responses.slice(responses))
      io.out.write(`response  ${sanitize(from)}  ${sanitize(said)}\n`);
    acks = asked.acks.length;
    responses = asked.responses.length;
  };
  const asked = await sendQuery(cli, client, { name, payload, parameters: parameters.toString() }, show);
  if (asked === undefined) return EXIT_INTERRUPTED;
  if (options.json === true)
    printJson(io, { acks: asked.acks, responses: asked.responses, expected: asked.expected });
  else io.out.write(`${asked.acks.length} acks, ${asked.responses.length} responses\n`);
  return EXIT.done;
}
