/** `hearsay run`: registers a job with the agent; one agent of the cluster runs it at each tick. */
import { JOB_KEYS } from '../../config/jobs.ts';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { jobPath } from '../api/jobs.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  toAction,
} from '../command.ts';
import { sanitize, sanitizeJson } from '../sanitize.ts';

type Options = ClientOptions & Readonly<Partial<Record<(typeof JOB_KEYS)[number], string>>>;

const NUMBERS: ReadonlySet<string> = new Set(['retries', 'quorum']);

export const runCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('<name>', 'Name of the job')
    .argument('[command...]', 'Program and arguments, after --: shows what to write into the configuration')
    .option('--every <duration>', 'Ticks at the multiples of this, such as 5m')
    .option('--cron <expression>', 'Ticks of a cron expression, such as "0 3 * * *"')
    .option('--timezone <name>', 'Time zone of the cron expression (default: UTC)')
    .option('--at <time>', 'One tick, such as 2030-01-31T03:00:00Z')
    .option('--post <url>', 'URL that receives a POST of JSON at each tick')
    .option('--service <name>', 'Only agents with a usable instance of this service run it')
    .option('--tag <key=value>', 'Only agents with this tag run it')
    .option('--timeout <duration>', 'A run is ended after this (default: 1m)')
    .option('--retries <n>', 'Further attempts after one that failed or was lost (default: 0)')
    .option('--overlap <mode>', 'skip or allow a tick while the last run goes on (default: skip)')
    .option('--jitter <duration>', 'Begin each tick up to this much later (default: 0s)')
    .option('--catch-up <mode>', 'Make up for one, all or none of the missed ticks (default: one)')
    .option('--quorum <n>', 'Run nothing with fewer eligible agents in view (default: 1)')
    .action(
      toAction(cli, (name: string, argv: readonly string[], options: Options) =>
        run(cli, name, argv, options),
      ),
    );
  addExample(command, 'hearsay run sweep --every 5m --post http://127.0.0.1:8080/sweep');
};

async function run(
  cli: CliContext,
  name: string,
  argv: readonly string[],
  options: Options,
): Promise<number> {
  const job = toJob(options);
  if (options.every === undefined && options.cron === undefined && options.at === undefined)
    throw new CliError(
      EXIT.usage,
      'say when the job runs: --every DURATION, --cron EXPRESSION or --at TIME; see `hearsay run --help`',
    );
  if (argv.length > 0) {
    cli.io.out.write(toConfiguration(name, argv, job));
    throw new CliError(
      EXIT.usage,
      'a command is run only from the configuration of an agent. Add what is above to the configuration file of each ' +
        'host that may run it, and start the agents with --allow-exec-jobs',
    );
  }
  if (options.post === undefined)
    throw new CliError(
      EXIT.usage,
      'say what the job does: --post URL; or -- and a program, to see what to write into the configuration',
    );
  const client = await createClient(cli, options);
  await client.put(jobPath(name), job);
  if (options.json === true) printJson(cli.io, { name, registered: true });
  else
    cli.io.out.write(
      `${sanitize(name)} is registered with this agent: \`hearsay jobs ${sanitize(name)}\` shows its runs\n`,
    );
  return EXIT.done;
}

const toJob = (options: Options): Record<string, unknown> =>
  Object.fromEntries(
    JOB_KEYS.flatMap((key) => {
      const value = options[key];
      if (value === undefined) return [];
      return [[key, NUMBERS.has(key) && /^\d+$/.test(value) ? Number(value) : value]];
    }),
  );

/** The user writes this into a file on each host, since a token of the HTTP API must not be enough to run programs on all hosts. */
function toConfiguration(name: string, argv: readonly string[], job: Record<string, unknown>): string {
  const lines = Object.entries({ ...job, run: argv }).map(
    ([key, value]) => `    ${key}: ${sanitizeJson(value)}\n`,
  );
  return `jobs:\n  ${sanitize(name)}:\n${lines.join('')}`;
}
