/** `hearsay join`: the running agent joins the cluster through seeds. */
import { validateHostPort } from '../../config/text.ts';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { JoinReportSchema, parseResponse } from '../api/schemas.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  printNotice,
  toAction,
} from '../command.ts';
import { sanitize } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly replay?: boolean;
}

export const joinCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('<addr...>', 'Gossip addresses of members, ADDR[:PORT]')
    .option('--replay', 'Hear the user events from before, too, if this is the first join of the agent')
    .action(toAction(cli, (seeds: string[], options: Options) => join(cli, seeds, options)));
  addExample(command, 'hearsay join 10.0.0.5 10.0.0.6:7946');
};

async function join(cli: CliContext, seeds: readonly string[], options: Options): Promise<number> {
  for (const seed of seeds)
    try {
      validateHostPort(seed);
    } catch (error) {
      throw new CliError(EXIT.usage, (error as Error).message);
    }
  const client = await createClient(cli, options);
  if (cli.io.err.isTerminal) printNotice(cli.io, `joining through ${count(seeds.length)} ...`);
  const body = { seeds, ...(options.replay === true && { replay: true }) };
  const report = parseResponse(JoinReportSchema, await client.put('/v1/hearsay/join', body), client);
  for (const { addr, error } of report.failed) printNotice(cli.io, `${addr}: ${error}`);
  if (options.json === true) printJson(cli.io, report);
  else if (report.joined > 0) cli.io.out.write(`joined through ${report.joined} of ${count(seeds.length)}\n`);
  if (report.joined > 0) return EXIT.done;
  throw new CliError(
    EXIT.failed,
    `no seed answered: ${sanitize(report.advice ?? 'check that an agent runs at each address, with the same key and label')}`,
  );
}

const count = (seeds: number): string => `${seeds} seed${seeds === 1 ? '' : 's'}`;
