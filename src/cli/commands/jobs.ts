/** `hearsay jobs`: the jobs of the cluster, the runs of one, and orders about them. */
import type { Command } from 'commander';
import { addClientOptions, type Client, type ClientOptions, createClient } from '../api/client.ts';
import { findJob, type JobInfo, JobInfosSchema, jobPath } from '../api/jobs.ts';
import { parseResponse } from '../api/schemas.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  toAction,
} from '../command.ts';
import { formatAge, formatTable } from '../output/table.ts';
import { sanitize } from '../sanitize.ts';

const ORDERS = [
  ['run', 'Run a job now, on one agent', 'is to run now, on an agent that may run it'],
  ['pause', 'Let the ticks of a job pass until it is resumed', 'is paused'],
  ['resume', 'End the pause of a job', 'is resumed'],
] as const;
const SHOWN_RUNS = 10;

export const jobsCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('[name]', 'Name of a job')
    .option('--promise', 'Print what is promised of jobs, and what is not')
    .action(
      toAction(cli, async (name: string | undefined, options: ListOptions) => {
        if (options.promise === true) return printPromise(cli);
        const client = await createClient(cli, options);
        return name === undefined ? list(cli, client, options) : show(cli, client, name, options);
      }),
    );
  for (const [order, description, done] of ORDERS)
    addOrder(command, cli, { order, description, done }, (client, name) => client.put(jobPath(name, order)));
  const remove = {
    order: 'remove',
    description: 'Remove a job that is registered with this agent',
    done: 'is removed',
  };
  addOrder(command, cli, remove, (client, name) => client.delete(jobPath(name)));
  command.addHelpText('after', '\nA job named run, pause, resume or remove is shown by `hearsay why NAME`.');
  addExample(command, 'hearsay jobs nightly');
};

interface ListOptions extends ClientOptions {
  readonly promise?: boolean;
}

const PROMISE = `Without a partition, with clocks within a spread time of each other (half a
second, or what changes take; an agent whose clock differs owns no ticks):
  a tick is run once, and never by two agents at once.
In a partition: at most once on each side, and on each side that has an agent
  that may run it. With \`quorum\` above half of them, on one side at most.
An agent that dies in the middle: its run is lost; with \`retries\` another agent
  makes the next attempt. One that dies as it begins may be repeated without.
No tick is lost while an agent that may run it is well: it is run late by the
  time that the failure detector needs.
It is no lock: where a second run does harm, let a store compare the token.
Measure it: \`hearsay simulate --jobs\`
`;

function printPromise(cli: CliContext): number {
  cli.io.out.write(PROMISE);
  return EXIT.done;
}

interface Order {
  readonly order: string;
  readonly description: string;
  readonly done: string;
}

function addOrder(
  command: Command,
  cli: CliContext,
  { order, description, done }: Order,
  send: (client: Client, name: string) => Promise<unknown>,
): void {
  const sub = addClientOptions(command.command(order))
    .description(description)
    .argument('<name>', 'Name of a job')
    .action(
      toAction(cli, async (name: string, options: ClientOptions) => {
        await send(await createClient(cli, options), name);
        return report(cli, options, name, done);
      }),
    );
  addExample(sub, `hearsay jobs ${order} nightly`);
}

function report(cli: CliContext, options: ClientOptions, name: string, done: string): number {
  if (options.json === true) printJson(cli.io, { name, done });
  else cli.io.out.write(`${sanitize(name)} ${done}\n`);
  return EXIT.done;
}

async function list(cli: CliContext, client: Client, options: ClientOptions): Promise<number> {
  const jobs = parseResponse(JobInfosSchema, await client.get('/v1/hearsay/jobs'), client);
  if (options.json === true) printJson(cli.io, jobs);
  else
    cli.io.out.write(
      formatTable(
        ['JOB', 'SCHEDULE', 'NEXT', 'LAST', 'STATE', 'NODE'],
        jobs.map((job) => {
          const [last] = job.runs;
          return [
            job.name,
            scheduleOf(job),
            job.paused ? 'paused' : untilTick(job.nextTick),
            last === undefined ? '-' : `${formatAge(Date.now() - Date.parse(last.tick))} ago`,
            last?.state ?? '-',
            last?.node ?? '-',
          ];
        }),
      ),
    );
  return EXIT.done;
}

async function show(cli: CliContext, client: Client, name: string, options: ClientOptions): Promise<number> {
  const job = await findJob(client, name);
  if (job === undefined)
    throw new CliError(EXIT.notFound, `no job is called "${name}": run \`hearsay jobs\` to list them`);
  if (options.json === true) printJson(cli.io, job);
  else cli.io.out.write(formatJob(job));
  return EXIT.done;
}

export function formatJob(job: JobInfo): string {
  const { every, cron, timezone, at, ...rest } = job.definition;
  const details = Object.entries(rest).map(([key, value]) => `${key} ${String(value)}`);
  const lines = [
    `${job.name}: ${scheduleOf(job)}, next ${job.paused ? 'paused' : untilTick(job.nextTick)}`,
    `  ${details.join(', ')}`,
    `  registered with ${job.owners.join(', ')}`,
    `  ${job.summary}`,
  ];
  const runs =
    job.runs.length === 0
      ? ''
      : `\n${formatTable(
          ['TICK', 'NODE', 'ATTEMPT', 'STATE', 'TOOK', 'EXIT'],
          job.runs
            .slice(0, SHOWN_RUNS)
            .map((run) => [
              run.tick,
              run.node,
              String(run.attempt),
              run.state,
              run.durationMs === null ? '-' : `${run.durationMs}ms`,
              run.exit === null ? '-' : String(run.exit),
            ]),
        )}`;
  const output = job.output === '' ? '' : `\nLast output:\n${indent(job.output)}`;
  return `${lines.map(sanitize).join('\n')}\n${runs}${output}`;
}

const indent = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${sanitize(line)}\n`)
    .join('');

function scheduleOf({ definition: { every, cron, timezone, at } }: JobInfo): string {
  if (every !== undefined) return `every ${String(every)}`;
  return cron === undefined ? `at ${String(at)}` : `${String(cron)} ${String(timezone)}`;
}

function untilTick(tick: string | null): string {
  if (tick === null) return '-';
  const left = Date.parse(tick) - Date.now();
  return left <= 0 ? 'now' : `in ${formatAge(left)}`;
}
