/** `hearsay maint`: takes the node, or one of its services, out of results for maintenance, and back. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { addExample, type CliContext, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { sanitize } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly reason?: string;
}

export const maintCommand: CommandBuilder = (command, cli) => {
  const on = addClientOptions(command.command('on'))
    .description('Start maintenance of the node or a service')
    .argument('[id]', 'ID of a service of this agent; without it, the whole node')
    .option('--reason <text>', 'Reason, shown with the checks')
    .action(
      toAction(cli, (id: string | undefined, options: Options) => setMaintenance(cli, id, true, options)),
    );
  addExample(on, "hearsay maint on web-1 --reason 'disk is being changed'");
  const off = addClientOptions(command.command('off'))
    .description('End maintenance of the node or a service')
    .argument('[id]', 'ID of a service of this agent; without it, the whole node')
    .action(
      toAction(cli, (id: string | undefined, options: Options) => setMaintenance(cli, id, false, options)),
    );
  addExample(off, 'hearsay maint off web-1');
  addExample(command, 'hearsay maint on web-1');
};

async function setMaintenance(
  cli: CliContext,
  id: string | undefined,
  on: boolean,
  options: Options,
): Promise<number> {
  const client = await createClient(cli, options);
  const query = new URLSearchParams({ enable: String(on) });
  if (options.reason !== undefined) query.set('reason', options.reason);
  const what = id === undefined ? 'maintenance' : `service/maintenance/${encodeURIComponent(id)}`;
  await client.put(`/v1/agent/${what}?${query}`);
  if (options.json === true) printJson(cli.io, { id: id ?? null, maintenance: on });
  else
    cli.io.out.write(
      `${id === undefined ? 'this node' : sanitize(id)} is ${on ? 'in maintenance' : 'no longer in maintenance'}\n`,
    );
  return EXIT.done;
}
