/** `hearsay query`: asks all members, and prints who heard it and what they answer, as it comes. */

import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { type Asked, askAll, INTERRUPTED } from '../api/poll.ts';
import { act, type Cli, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { collect } from '../input/pairs.ts';
import { clean } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly node?: readonly string[];
  readonly tag?: readonly string[];
  readonly timeout?: string;
  readonly ack: boolean;
  readonly relayFactor?: string;
}

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command)
    .argument('<name>', 'what is asked; handlers know it by this name')
    .argument('[payload]', 'what else there is to say')
    .option('--node <name>', 'only this member; several if repeated', collect)
    .option(
      '--tag <key=expression>',
      'only where the value of the tag matches; with all of them if several',
      collect,
    )
    .option('--timeout <duration>', "how long to wait for answers (default: by the cluster's size)")
    .option('--no-ack', 'do not have everybody say that it came')
    .option('--relay-factor <n>', 'send each answer through so many members as well')
    .action(
      act(cli, (name: string, payload: string | undefined, options: Options) =>
        query(cli, name, payload ?? '', options),
      ),
    );
  example(command, 'hearsay query load --tag role=web');
};

async function query(cli: Cli, name: string, payload: string, options: Options): Promise<number> {
  const { io } = cli;
  const client = await clientFor(cli, options);
  const parameters = new URLSearchParams();
  for (const node of options.node ?? []) parameters.append('node', node);
  for (const tag of options.tag ?? []) parameters.append('tag', tag);
  if (options.timeout !== undefined) parameters.append('timeout', options.timeout);
  if (!options.ack) parameters.append('no-ack', '');
  if (options.relayFactor !== undefined) parameters.append('relay-factor', options.relayFactor);
  let acks = 0;
  let responses = 0;
  const show = (asked: Asked): void => {
    if (options.json === true) return;
    for (const from of asked.acks.slice(acks)) io.out.write(`ack       ${clean(from)}\n`);
    for (const { from, payload: said } of asked.responses.slice(responses))
      io.out.write(`response  ${clean(from)}  ${clean(said)}\n`);
    acks = asked.acks.length;
    responses = asked.responses.length;
  };
  const asked = await askAll(cli, client, { name, payload, parameters: parameters.toString() }, show);
  if (asked === undefined) return INTERRUPTED;
  if (options.json === true)
    printJson(io, { acks: asked.acks, responses: asked.responses, expected: asked.expected });
  else io.out.write(`${asked.acks.length} acks, ${asked.responses.length} responses\n`);
  return EXIT.done;
}
