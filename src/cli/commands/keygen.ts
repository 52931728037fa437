/** `hearsay keygen`: a new gossip key, on stdout or in a keyring file. */
import { randomBytes } from 'node:crypto';
import { createPrivateFile } from '../../files/private-file.ts';
import { addExample, addJsonOption, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { sanitize } from '../sanitize.ts';

const KEY_BYTES = 32;

interface Options {
  readonly json?: boolean;
  readonly keyring?: string;
}

export const keygenCommand: CommandBuilder = (command, cli) => {
  addJsonOption(command)
    .option(
      '--keyring <path>',
      'Write a new keyring file, which only you can read, instead of printing the key',
    )
    .action(
      toAction(cli, async ({ json, keyring }: Options) => {
        const { out } = cli.io;
        const key = randomBytes(KEY_BYTES).toString('base64');
        if (keyring !== undefined) {
          await createPrivateFile(keyring, `${JSON.stringify([key], undefined, 2)}\n`);
          if (json === true) printJson(cli.io, { keyring });
          else
            out.write(
              `${sanitize(keyring)} has a new key: start agents with --keyring-file ${sanitize(keyring)}\n`,
            );
        } else if (json === true) printJson(cli.io, { key });
        else out.write(`${key}\n`);
        return EXIT.done;
      }),
    );
  addExample(command, 'hearsay keygen --keyring /etc/hearsay/keyring');
};
