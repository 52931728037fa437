/** `hearsay tags`: the local agent's own tags, changed while it runs. */
import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { act, type Cli, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { pairOf } from '../input/pairs.ts';

export const build: CommandModule['build'] = (command, cli) => {
  const set = clientOptions(command.command('set'))
    .description('Set tags; others stay')
    .argument('<key=value...>')
    .action(
      act(cli, (pairs: string[], options: ClientOptions) => {
        const tags = new Map(pairs.map((pair) => pairOf(pair, 'tags set')));
        return change(cli, options, tags, []);
      }),
    );
  example(set, 'hearsay tags set role=web zone=b');
  const remove = clientOptions(command.command('delete'))
    .description('Delete tags')
    .argument('<key...>')
    .action(act(cli, (keys: string[], options: ClientOptions) => change(cli, options, new Map(), keys)));
  example(remove, 'hearsay tags delete zone');
  example(command, 'hearsay tags set role=web');
};

async function change(
  cli: Cli,
  options: ClientOptions,
  set: ReadonlyMap<string, string>,
  remove: readonly string[],
): Promise<number> {
  const client = await clientFor(cli, options);
  await client.put('/v1/hearsay/tags', { set: Object.fromEntries(set), delete: remove });
  if (options.json === true) printJson(cli.io, { set: Object.fromEntries(set), delete: remove });
  else {
    const changes = set.size + remove.length;
    cli.io.out.write(`${changes} ${changes === 1 ? 'tag' : 'tags'} changed\n`);
  }
  return EXIT.done;
}
