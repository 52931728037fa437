/** `hearsay query`: sends a Serf query and prints acks and responses as they arrive. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { type QueryState, sendQuery } from '../api/poll.ts';
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
    .argument('<name>', 'Name of the query, by which handlers match it')
    .argument('[payload]', 'Payload of the query')
    .option('--node <name>', 'Send it only to this member (repeatable)', collectValues)
    .option(
      '--tag <key=expression>',
      'Send it only to members whose tag matches; several must all match (repeatable)',
      collectValues,
    )
    .option('--timeout <duration>', 'How long to wait for responses (default: by the size of the cluster)')
    .option('--no-ack', 'Request no acks')
    .option('--relay-factor <n>', 'Number of members that relay each response as well')
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
  const show = (state: QueryState): void => {
    if (options.json === true) return;
    for (const from of state.acks.slice(acks)) io.out.write(`ack       ${sanitize(from)}\n`);
    for (const response of state.responses.slice(responses))
      io.out.write(`response  ${sanitize(response.from)}  ${sanitize(response.payload)}\n`);
    acks = state.acks.length;
    responses = state.responses.length;
  };
  const result = await sendQuery(cli, client, { name, payload, parameters: parameters.toString() }, show);
  if (result === undefined) return EXIT.interrupted;
  const { acks: acked, responses: received, expected } = result;
  if (options.json === true) printJson(io, { acks: acked, responses: received, expected });
  else io.out.write(`${plural(acked.length, 'ack')}, ${plural(received.length, 'response')}\n`);
  return EXIT.done;
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
