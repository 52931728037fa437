/** `hearsay reload`: the agent reads its settings and service files again, and says what has changed. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { parseResponse, ReloadReportSchema } from '../api/schemas.ts';
import {
  addExample,
  type CliContext,
  type CommandBuilder,
  EXIT,
  printJson,
  printNotice,
  toAction,
} from '../command.ts';
import { sanitize } from '../sanitize.ts';

export const reloadCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .addHelpText(
      'after',
      '\nAll or nothing: if a file is invalid the exit code is 1 and nothing changes.\n' +
        'Settings that need a restart are named.',
    )
    .action(toAction(cli, (options: ClientOptions) => reload(cli, options)));
  addExample(command, 'hearsay reload');
};

async function reload(cli: CliContext, options: ClientOptions): Promise<number> {
  const client = await createClient(cli, options);
  const report = parseResponse(ReloadReportSchema, await client.put('/v1/hearsay/reload'), client);
  const { changes, needsRestart, warnings } = report;
  if (options.json === true) printJson(cli.io, report);
  else {
    for (const { text } of changes) cli.io.out.write(`${sanitize(text)}\n`);
    if (changes.length === 0) cli.io.out.write('nothing has changed since the files were read last\n');
    if (needsRestart.length > 0)
      cli.io.out.write(`restart the agent to apply: ${sanitize(needsRestart.join(', '))}\n`);
  }
  for (const warning of warnings) printNotice(cli.io, `warning: ${warning}`);
  return EXIT.done;
}
