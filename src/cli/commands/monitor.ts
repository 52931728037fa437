/**
 * `hearsay monitor`: the agent's log, live; with `--events` members that come and go and user events instead. One line
 * each, until it is interrupted.
 */
import { LOG_LEVELS } from '../../config/schema.ts';
import { type Client, type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { follow } from '../api/follow.ts';
import { Members, shaped } from '../api/schemas.ts';
import { eventsOf } from '../api/user-events.ts';
import { act, type Cli, CliError, type CommandModule, EXIT, example } from '../command.ts';
import { changesOf, tell, type Watched } from '../output/diff.ts';
import { clean, safeJson } from '../sanitize.ts';
import { membersOf } from './watch.ts';

interface Options extends ClientOptions {
  readonly level?: string;
  readonly events?: boolean;
}

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command, 'one JSON object per line')
    .option('--level <level>', `the least to show of the log: ${LOG_LEVELS.join(', ')} (default: info)`)
    .option('--events', 'members that come and go, and user events, instead of the log')
    .action(act(cli, (options: Options) => monitor(cli, options)));
  example(command, 'hearsay monitor --level debug');
};

async function monitor(cli: Cli, options: Options): Promise<number> {
  if (options.events !== true) return log(cli, options);
  if (options.level !== undefined)
    throw new CliError(
      EXIT.usage,
      'monitor: --level is of the log, and --events shows something else: give one',
    );
  const client = await clientFor(cli, options);
  shaped(Members, await client.get('/v1/hearsay/members'), client); // one sentence, not two, if nobody is there
  const codes = await Promise.all([
    stream(cli, options, client, '/v1/hearsay/members', membersOf(client)),
    stream(cli, options, client, '/v1/event/list', eventsOf(client)),
  ]);
  return Math.max(...codes);
}

/** At whatever level the agent itself writes. */
async function log(cli: Cli, { level = 'info', ...options }: Options): Promise<number> {
  const { io } = cli;
  if (!(LOG_LEVELS as readonly string[]).includes(level))
    throw new CliError(EXIT.usage, `--level: must be one of ${LOG_LEVELS.join(', ')}`);
  const client = await clientFor(cli, options);
  const json = options.json === true;
  const stop = new AbortController();
  const handlers = (['SIGINT', 'SIGTERM'] as const).map((name) => io.onSignal(name, () => stop.abort()));
  const show = (line: string): void => io.out.write(`${json ? asJson(line) : clean(line)}\n`);
  try {
    await client.lines(`/v1/agent/monitor?loglevel=${level}${json ? '&logjson' : ''}`, stop.signal, show);
  } catch (error) {
    if (stop.signal.aborted) return EXIT.interrupted;
    if (error instanceof CliError) throw error;
  } finally {
    for (const off of handlers) off();
  }
  if (stop.signal.aborted) return EXIT.interrupted;
  throw new CliError(EXIT.noAgent, `the agent at ${client.address} has gone`);
}

/** Escaped, so that no terminal acts on it. */
const asJson = (line: string): string => safeJson(JSON.parse(line));

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
