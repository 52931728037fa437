/** `hearsay keygen`: a new gossip key on stdout. */
import { randomBytes } from 'node:crypto';
import { addExample, addJsonOption, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';

const KEY_BYTES = 32;

export const keygenCommand: CommandBuilder = (command, cli) => {
  addJsonOption(command).action(
    toAction(cli, async (options: { readonly json?: boolean }) => {
      const key = randomBytes(KEY_BYTES).toString('base64');
      if (options.json === true) printJson(cli.io, { key });
      else cli.io.out.write(`${key}\n`);
      return EXIT.done;
    }),
  );
  addExample(command, 'HEARSAY_GOSSIP_KEY=$(hearsay keygen) hearsay agent');
};
