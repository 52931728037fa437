/** `hearsay monitor --events`: members that come and go and user events, one line each, until it is interrupted. */
import { Members, shaped } from './answers.ts';
import { changesOf, tell, type Watched } from './changes.ts';
import { type Client, type ClientOptions, clientFor, clientOptions } from './client.ts';
import { act, type Cli, CliError, type CommandModule, EXIT, example } from './command.ts';
import { follow } from './follow.ts';
import { eventsOf } from './heard.ts';
import { membersOf } from './watch.ts';

interface Options extends ClientOptions {
  readonly events?: boolean;
}

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command, 'one JSON object per line')
    .option('--events', 'members that come and go, and user events')
    .action(act(cli, (options: Options) => monitor(cli, options)));
  example(command, 'hearsay monitor --events');
};

async function monitor(cli: Cli, options: Options): Promise<number> {
  if (options.events !== true)
    throw new CliError(
      EXIT.usage,
      'monitor: say what to follow with --events; the log is on the stderr of the agent',
    );
  const client = await clientFor(cli, options);
  shaped(Members, await client.get('/v1/hearsay/members'), client); // one sentence, not two, if nobody is there
  const codes = await Promise.all([
    stream(cli, options, client, '/v1/hearsay/members', membersOf(client)),
    stream(cli, options, client, '/v1/event/list', eventsOf(client)),
  ]);
  return Math.max(...codes);
}

/** What there is already is not told: only what happens from now on. */
function stream<Row extends object>(
  cli: Cli,
  options: Options,
  client: Client,
  path: string,
  watched: Watched<Row>,
): Promise<number> {
  let before: ReadonlyMap<string, Row> | undefined;
  return follow(cli, client, path, (state) => {
    const after = watched.rows(state);
    if (before !== undefined)
      for (const change of changesOf(watched, before, after))
        if (change.event !== '') tell(cli, watched, change, options.json === true);
    before = after;
  });
}
