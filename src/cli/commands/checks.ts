/** `hearsay checks`: the health checks this agent knows, its own with their full output. */
import { Option } from 'commander';
import { addClientOptions, type Client, type ClientOptions, createClient } from '../api/client.ts';
import { type HealthCheck, HealthChecksSchema, parseResponse, RecordSchema } from '../api/schemas.ts';
import { addExample, type CliContext, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { colorStatus, formatTable } from '../output/table.ts';

/** Worst first. */
const STATES: readonly string[] = ['critical', 'warning', 'passing'];
/** Characters of an output that the table shows; an output may be pages long. */
const MAX_OUTPUT = 60;

interface Options extends ClientOptions {
  readonly state?: readonly string[];
  readonly own?: boolean;
}

export const checksCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .addOption(new Option('--state <state...>', 'Show only checks in this state').choices(STATES))
    .option('--own', 'Show only checks of this agent')
    .action(toAction(cli, (options: Options) => checks(cli, options)));
  addExample(command, 'hearsay checks --state critical');
};

async function checks(cli: CliContext, options: Options): Promise<number> {
  const client = await createClient(cli, options);
  const own = await ownChecks(client);
  const all = options.own === true ? [...own.values()] : await knownChecks(client, own);
  const shown = all
    .filter(({ Status }) => options.state === undefined || options.state.includes(Status))
    .sort((a, b) => rank(a) - rank(b)); // stable: within a state the order of the agent
  if (options.json === true) printJson(cli.io, shown);
  else cli.io.out.write(table(cli, shown, own));
  return EXIT.done;
}

const rank = ({ Status }: HealthCheck): number => STATES.indexOf(Status);

type OwnChecks = ReadonlyMap<string, HealthCheck>;
const keyOf = ({ Node, CheckID }: HealthCheck): string => JSON.stringify([Node, CheckID]);

async function ownChecks(client: Client): Promise<OwnChecks> {
  const byId = parseResponse(RecordSchema, await client.get('/v1/agent/checks'), client);
  const all = parseResponse(HealthChecksSchema, Object.values(byId), client);
  return new Map(all.map((check) => [keyOf(check), check]));
}

/** All checks of the cluster. For its own checks the agent has newer and longer outputs than it publishes. */
async function knownChecks(client: Client, own: OwnChecks): Promise<HealthCheck[]> {
  const known = parseResponse(HealthChecksSchema, await client.get('/v1/health/state/any'), client);
  const keys = new Set(known.map(keyOf));
  return [
    ...known.map((check) => own.get(keyOf(check)) ?? check),
    ...[...own].filter(([key]) => !keys.has(key)).map(([, check]) => check),
  ];
}

function table({ colors }: CliContext, shown: readonly HealthCheck[], own: OwnChecks): string {
  return formatTable(
    ['STATE', 'NODE', 'SERVICE', 'CHECK', 'OUTPUT'],
    shown.map((check) => [
      check.Status,
      check.Node + (own.has(keyOf(check)) ? ' *' : ''),
      check.ServiceID === '' ? '-' : check.ServiceID,
      check.CheckID,
      shorten((check.Output || check.Notes).trim()), // the reason of a maintenance is in the notes
    ]),
    (cell, column) => (column === 0 ? colorStatus(colors, cell) : cell),
  );
}

function shorten(output: string): string {
  const characters = [...output];
  return characters.length <= MAX_OUTPUT ? output : `${characters.slice(0, MAX_OUTPUT - 3).join('')}...`;
}
