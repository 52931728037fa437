/** `hearsay version`. */
import { VERSION } from '../../base/version.ts';
import { act, type CommandModule, EXIT, example, printJson } from '../command.ts';

export const build: CommandModule['build'] = (command, cli) => {
  command.option('--json', 'one JSON document on stdout').action(
    act(cli, async (options: { readonly json?: boolean }) => {
      if (options.json === true) printJson(cli.io, { version: VERSION, node: process.versions.node });
      else cli.io.out.write(`hearsay ${VERSION}\n`);
      return EXIT.done;
    }),
  );
  example(command, 'hearsay version --json');
};
