/** `hearsay tags`: changes the tags of the local agent while it runs. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { addExample, type CliContext, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { parsePair } from '../input/pairs.ts';

export const tagsCommand: CommandBuilder = (command, cli) => {
  const set = addClientOptions(command.command('set'))
    .description(
      'Set tags; other tags are kept. With a data directory they survive a restart, unless a flag or file changes them',
    )
    .argument('<key=value...>', 'Tags to set')
    .action(
      toAction(cli, (pairs: string[], options: ClientOptions) => {
        const tags = new Map(pairs.map((pair) => parsePair(pair, 'tags set')));
        return change(cli, options, tags, []);
      }),
    );
  addExample(set, 'hearsay tags set role=web zone=b');
  const remove = addClientOptions(command.command('delete'))
    .description('Delete tags')
    .argument('<key...>', 'Keys of the tags to delete')
    .action(toAction(cli, (keys: string[], options: ClientOptions) => change(cli, options, new Map(), keys)));
  addExample(remove, 'hearsay tags delete zone');
  addExample(command, 'hearsay tags set role=web');
};

async function change(
  cli: CliContext,
  options: ClientOptions,
  set: ReadonlyMap<string, string>,
  remove: readonly string[],
): Promise<number> {
  const client = await createClient(cli, options);
  await client.put('/v1/hearsay/tags', { set: Object.fromEntries(set), delete: remove });
  if (options.json === true) printJson(cli.io, { set: Object.fromEntries(set), delete: remove });
  else {
    const changes = set.size + remove.length;
    cli.io.out.write(`${changes} ${changes === 1 ? 'tag' : 'tags'} changed\n`);
  }
  return EXIT.done;
}
