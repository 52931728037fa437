/** `hearsay version`: the version of this program and of Node. */
import { VERSION } from '../../base/version.ts';
import { addExample, addJsonOption, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';

export const versionCommand: CommandBuilder = (command, cli) => {
  addJsonOption(command).action(
    toAction(cli, async (options: { readonly json?: boolean }) => {
      if (options.json === true) printJson(cli.io, { version: VERSION, node: process.versions.node });
      else cli.io.out.write(`hearsay ${VERSION}\n`);
      return EXIT.done;
    }),
  );
  addExample(command, 'hearsay version --json');
};
