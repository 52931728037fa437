/** `hearsay maint`: an operator takes the node, or one of its services, out of the answers and back in. */
import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { act, type Cli, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { clean } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly reason?: string;
}

export const build: CommandModule['build'] = (command, cli) => {
  const on = clientOptions(command.command('on'))
    .description('Begin maintenance')
    .argument('[id]', 'of a service of this agent; without it the whole node')
    .option('--reason <text>', 'why, for whoever looks at the checks')
    .action(act(cli, (id: string | undefined, options: Options) => maintain(cli, id, true, options)));
  example(on, "hearsay maint on web-1 --reason 'disk is being changed'");
  const off = clientOptions(command.command('off'))
    .description('End maintenance')
    .argument('[id]', 'of a service of this agent; without it the whole node')
    .action(act(cli, (id: string | undefined, options: Options) => maintain(cli, id, false, options)));
  example(off, 'hearsay maint off web-1');
  example(command, 'hearsay maint on web-1');
};

async function maintain(cli: Cli, id: string | undefined, on: boolean, options: Options): Promise<number> {
  const client = await clientFor(cli, options);
  const query = new URLSearchParams({ enable: String(on) });
  if (options.reason !== undefined) query.set('reason', options.reason);
  const what = id === undefined ? 'maintenance' : `service/maintenance/${encodeURIComponent(id)}`;
  await client.put(`/v1/agent/${what}?${query}`);
  if (options.json === true) printJson(cli.io, { id: id ?? null, maintenance: on });
  else
    cli.io.out.write(
      `${id === undefined ? 'this node' : clean(id)} is ${on ? 'in maintenance' : 'out of maintenance'}\n`,
    );
  return EXIT.done;
}
