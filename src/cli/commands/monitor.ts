/** `hearsay monitor`: streams the log of the agent, or member changes and user events, until it is interrupted. */
import { LOG_LEVELS } from '../../config/schema.ts';
import { addClientOptions, type Client, type ClientOptions, createClient } from '../api/client.ts';
import { watchPath } from '../api/follow.ts';
import { MembersSchema, parseResponse } from '../api/schemas.ts';
import { watchUserEvents } from '../api/user-events.ts';
import { addExample, type CliContext, CliError, type CommandBuilder, EXIT, toAction } from '../command.ts';
import { diffRows, printChange, type Watch } from '../output/diff.ts';
import { sanitize, sanitizeJson } from '../sanitize.ts';
import { watchMembers } from './watch.ts';

interface Options extends ClientOptions {
  readonly level?: string;
  readonly recent?: number;
  readonly events?: boolean;
}

export const monitorCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command, 'Print one JSON object per line')
    .option('--level <level>', `Lowest level to show: ${LOG_LEVELS.join(', ')} (default: info)`)
    .option(
      '--recent <n>',
      `Lines from before to begin with, at most ${MAX_RECENT_LINES}`,
      parseRecent,
      MAX_RECENT_LINES,
    )
    .option('--events', 'Show member changes and user events instead of the log')
    .action(toAction(cli, (options: Options) => monitor(cli, options)));
  addExample(command, 'hearsay monitor --level debug');
};

/** As many lines as the agent keeps, as `serf monitor`. */
const MAX_RECENT_LINES = 512;

function parseRecent(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= MAX_RECENT_LINES) return Number(text);
  throw new CliError(EXIT.usage, `--recent: must be a whole number from 0 to ${MAX_RECENT_LINES}`);
}

async function monitor(cli: CliContext, options: Options): Promise<number> {
  if (options.events !== true) return log(cli, options);
  if (options.level !== undefined)
    throw new CliError(
      EXIT.usage,
      'monitor: --level applies to the log, not to --events: give only one of them',
    );
  const client = await createClient(cli, options);
  parseResponse(MembersSchema, await client.get('/v1/hearsay/members'), client); // one error, not two, if no agent answers
  const codes = await Promise.all([
    stream(cli, options, client, '/v1/hearsay/members', watchMembers(client)),
    stream(cli, options, client, '/v1/event/list', watchUserEvents(client)),
  ]);
  return Math.max(...codes);
}

/** The log at `level`, independent of the level the agent itself writes. */
async function log(
  cli: CliContext,
  { level = 'info', recent = MAX_RECENT_LINES, ...options }: Options,
): Promise<number> {
  const { io } = cli;
  if (!(LOG_LEVELS as readonly string[]).includes(level))
    throw new CliError(EXIT.usage, `--level: must be one of ${LOG_LEVELS.join(', ')}`);
  const client = await createClient(cli, options);
  const json = options.json === true;
  const stop = new AbortController();
  const handlers = (['SIGINT', 'SIGTERM'] as const).map((name) => io.onSignal(name, () => stop.abort()));
  const show = (line: string): void => io.out.write(`${json ? asJson(line) : sanitize(line)}\n`);
  try {
    await client.streamLines(
      `/v1/agent/monitor?loglevel=${level}&recent=${recent}${json ? '&logjson' : ''}`,
      stop.signal,
      show,
    );
  } catch (error) {
    if (stop.signal.aborted) return EXIT.interrupted;
    if (error instanceof CliError) throw error;
  } finally {
    for (const off of handlers) off();
  }
  if (stop.signal.aborted) return EXIT.interrupted;
  throw new CliError(
    EXIT.noAgent,
    `the agent at ${client.address} closed the connection: check that it is still running`,
  );
}

/** The JSON line with control characters escaped, so that no terminal acts on it. */
const asJson = (line: string): string => sanitizeJson(JSON.parse(line));

/** Prints changes only; the first state is not printed. */
function stream<Row extends object>(
  cli: CliContext,
  options: Options,
  client: Client,
  path: string,
  watched: Watch<Row>,
): Promise<number> {
  let before: ReadonlyMap<string, Row> | undefined;
  return watchPath(cli, client, path, (state) => {
    const after = watched.rows(state);
    if (before !== undefined)
      for (const change of diffRows(watched, before, after))
        if (change.event !== '') printChange(cli, watched, change, options.json === true);
    before = after;
  });
}
