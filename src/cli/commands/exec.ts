/** `hearsay exec`: runs a program as a service, and ends as it does. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { findFreePort } from '../../register/exec/ports.ts';
import { superviseProgram } from '../../register/exec/supervisor.ts';
import { addConnectionOptions, type ClientOptions, createClient } from '../api/client.ts';
import { addExample, type CliContext, CliError, type CommandBuilder, EXIT, printNotice } from '../command.ts';
import {
  addLeasedServiceOptions,
  type LeasedService,
  type LeasedServiceOptions,
  parseDurationOption,
  readLeasedServices,
} from '../input/leased-services.ts';
import { type ProgramWords, splitProgram } from '../input/program-words.ts';

interface Options extends Omit<ClientOptions, 'json'>, LeasedServiceOptions {
  readonly readyTimeout: string;
  readonly drainTimeout: string;
}

export const execCommand: CommandBuilder = (command, cli) => {
  addLeasedServiceOptions(addConnectionOptions(command))
    .argument(
      '<services...>',
      'Services, as NAME or NAME:PORT, port 0 for a free one; then -- and the program',
    )
    .option(
      '--ready-timeout <duration>',
      'How long the program may take to listen; 0: any time (default: 60s)',
      '60s',
    )
    .option(
      '--drain-timeout <duration>',
      'How long clients have to leave before it is stopped (default: 10s)',
      '10s',
    )
    .addHelpText('after', ENVIRONMENT_HELP)
    .action(async (words: string[], options: Options) => {
      cli.exitCode = await exec(cli, readWords(command, words), options);
    });
  addExample(command, 'hearsay exec web:8080 --check /health -- node server.js');
};

const ENVIRONMENT_HELP = `
The program gets PORT, the port of the first service, and PORT_NAME for each.
Its exit code is that of this command: 128 and more if a signal ended it.`;

function readWords(command: Command, all: readonly string[]): ProgramWords {
  const found = splitProgram(command, all);
  if (found.argv.length > 0) return found;
  throw new CliError(
    EXIT.usage,
    'say after -- which program to run, as in hearsay exec web:8080 -- node server.js',
  );
}

async function exec(cli: CliContext, { words, argv }: ProgramWords, options: Options): Promise<number> {
  const { io } = cli;
  const readyTimeout = parseDurationOption('--ready-timeout', options.readyTimeout);
  const drainTimeout = parseDurationOption('--drain-timeout', options.drainTimeout);
  const services = await readLeasedServices(cli, words, options, findFreePort);
  const client = await createClient(cli, options);
  return superviseProgram({
    ...{ argv, services, client, readyTimeout, drainTimeout, grace: options.grace, lease: randomUUID() },
    env: { ...io.env, ...portVariables(services) },
    notice: (sentence) => printNotice(io, `hearsay: ${sentence}`),
    onSignal: (signal, handler) => io.onSignal(signal, handler),
    hasTerminal: process.stdin.isTTY === true,
  });
}

/** `PORT` and `PORT_WEB_API` of `web-api`. */
function portVariables(services: readonly LeasedService[]): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const { Name, Port } of services) {
    if (Port === 0) continue;
    variables['PORT'] ??= String(Port);
    variables[`PORT_${Name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`] = String(Port);
  }
  return variables;
}
