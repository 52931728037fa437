/** `hearsay lease`: registers services for as long as this command runs, for programs that cannot be started by `exec`. */
import { randomUUID } from 'node:crypto';
import { LeaseHolder } from '../../register/exec/lease-holder.ts';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
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
import {
  addLeasedServiceOptions,
  type LeasedServiceOptions,
  readLeasedServices,
} from '../input/leased-services.ts';
import { sanitize } from '../sanitize.ts';

interface Options extends ClientOptions, LeasedServiceOptions {}

export const leaseCommand: CommandBuilder = (command, cli) => {
  addLeasedServiceOptions(addClientOptions(command, 'Print one JSON object per line'))
    .argument('<services...>', 'Services, as NAME or NAME:PORT')
    .action(toAction(cli, (words: string[], options: Options) => lease(cli, words, options)));
  addExample(command, 'hearsay lease web:8080 --check /health');
};

async function lease(cli: CliContext, words: readonly string[], options: Options): Promise<number> {
  const { io } = cli;
  const services = await readLeasedServices(cli, words, options, async () => {
    throw new CliError(EXIT.usage, 'port 0 is for `hearsay exec`, which can tell its program the port');
  });
  const client = await createClient(cli, options);
  const id = randomUUID();
  const isJson = options.json === true;
  let exit: number = EXIT.done;
  let wasHeld = false;
  const holder: LeaseHolder = new LeaseHolder({
    ...{ client: client, lease: id, services, grace: options.grace, mustAnswer: true },
    onHeld: (held) => {
      wasHeld = true;
      if (isJson) printJson(io, { lease: id, services: held, held: true });
      else for (const one of held) io.out.write(`${sanitize(one)} is registered\n`);
    },
    onLost: (reason, ended) => {
      if (isJson && wasHeld) printJson(io, { lease: id, held: false, ended, reason });
      else if (wasHeld) printNotice(io, `not registered${ended ? '' : ', and will be again'}: ${reason}`);
      if (ended) exit = EXIT.notFound;
    },
  });
  const stopBy = (code: number) => (): void => {
    exit = code;
    void holder.release('');
  };
  const off = [io.onSignal('SIGTERM', stopBy(EXIT.done)), io.onSignal('SIGINT', stopBy(EXIT.interrupted))];
  try {
    await holder.hold();
  } finally {
    for (const remove of off) remove();
  }
  return exit;
}
