/** `hearsay sync-status`: which agents serve the present state of a service or a node. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { awaitSyncStatus, printSyncStatus } from '../api/sync-status.ts';
import { addExample, type CliContext, type CommandBuilder, toAction } from '../command.ts';
import { parseDurationOption } from '../input/leased-services.ts';

interface Options extends ClientOptions {
  readonly node?: boolean;
  readonly wait: string;
}

export const syncStatusCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('[name]', 'A service or a node (default: all that this agent has published)')
    .option('--node', 'It is a node, even if a service has the same name')
    .option('--wait <duration>', 'How long to wait for agents that do not serve it yet (default: 2s)', '2s')
    .addHelpText('after', '\nIt exits with 4 if an agent does not serve it, and names that agent.')
    .action(toAction(cli, (name: string | undefined, options: Options) => show(cli, name ?? '', options)));
  addExample(command, 'hearsay sync-status web');
};

async function show(cli: CliContext, name: string, options: Options): Promise<number> {
  const wait = parseDurationOption('--wait', options.wait);
  const client = await createClient(cli, options);
  const status = await awaitSyncStatus(client, name, options.node === true ? { node: 'true' } : {}, wait);
  return printSyncStatus(cli, status, options);
}
