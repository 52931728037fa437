/** `hearsay drain`: takes an instance out of results before it stops, so that it gets no new clients. */
import type { Command } from 'commander';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { awaitSyncStatus, printSyncStatus } from '../api/sync-status.ts';
import { addExample, type CliContext, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { parseDurationOption } from '../input/leased-services.ts';
import { sanitize } from '../sanitize.ts';

interface Options extends ClientOptions {
  /** True: the option without a value. */
  readonly wait?: string | true;
}

const DEFAULT_WAIT = '10s';

export const drainCommand: CommandBuilder = (command, cli) => {
  addDrainOptions(command)
    .addHelpText('after', '\n`drain ID` is short for `drain on ID`, which an instance named on or off needs.')
    .action(toAction(cli, (id: string, options: Options) => drain(cli, id, true, options)));
  for (const [name, enable] of [
    ['on', true],
    ['off', false],
  ] as const) {
    const sub = addDrainOptions(command.command(name))
      .description(enable ? 'Take an instance out of results' : 'Return an instance to results')
      .action(
        // The words before a subcommand's name may have the option, too.
        toAction(cli, (id: string, options: Options) =>
          drain(cli, id, enable, { ...command.opts(), ...options }),
        ),
      );
    addExample(sub, `hearsay drain ${name} web-1`);
  }
  addExample(command, 'hearsay drain web-1 --wait');
};

const addDrainOptions = (command: Command): Command =>
  addClientOptions(command)
    .argument('<id>', 'ID of a service of this agent')
    .option(
      '--wait [duration]',
      `Wait until every agent serves that, for ${DEFAULT_WAIT} or as long as given; then exit with 4`,
    );

async function drain(cli: CliContext, id: string, on: boolean, options: Options): Promise<number> {
  const text = options.wait === true ? DEFAULT_WAIT : options.wait;
  const wait = text === undefined ? undefined : parseDurationOption('--wait', text);
  const client = await createClient(cli, options);
  await client.put(`/v1/hearsay/drain/${encodeURIComponent(id)}?enable=${on}`);
  if (options.json !== true) cli.io.out.write(`${sanitize(id)} is ${on ? 'draining' : 'back in results'}\n`);
  else if (wait === undefined) printJson(cli.io, { id, draining: on });
  if (wait === undefined) return EXIT.done;
  return printSyncStatus(cli, await awaitSyncStatus(client, '', { id }, wait), options, { id, draining: on });
}
