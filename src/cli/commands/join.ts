/** `hearsay join`: the running agent joins through seeds. */
import { checkHostPort } from '../../config/text.ts';
import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { Joined, shaped } from '../api/schemas.ts';
import { act, type Cli, CliError, type CommandModule, EXIT, example, printJson, say } from '../command.ts';

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command)
    .argument('<addr...>', 'gossip addresses of members, ADDR[:PORT]')
    .action(act(cli, (seeds: string[], options: ClientOptions) => join(cli, seeds, options)));
  example(command, 'hearsay join 10.0.0.5 10.0.0.6:7946');
};

async function join(cli: Cli, seeds: readonly string[], options: ClientOptions): Promise<number> {
  for (const seed of seeds)
    try {
      checkHostPort(seed);
    } catch (error) {
      throw new CliError(EXIT.usage, (error as Error).message);
    }
  const client = await clientFor(cli, options);
  if (cli.io.err.terminal) say(cli.io, `joining through ${count(seeds.length)} ...`);
  const report = shaped(Joined, await client.put('/v1/hearsay/join', { seeds }), client);
  for (const { addr, error } of report.failed) say(cli.io, `${addr}: ${error}`);
  if (options.json === true) printJson(cli.io, report);
  else if (report.joined > 0) cli.io.out.write(`joined through ${report.joined} of ${count(seeds.length)}\n`);
  if (report.joined > 0) return EXIT.done;
  throw new CliError(
    EXIT.failed,
    'no seed answered: check that an agent runs there, and that key and label are the same',
  );
}

const count = (seeds: number): string => `${seeds} seed${seeds === 1 ? '' : 's'}`;
