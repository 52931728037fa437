/** `hearsay checks`: what all checks say, as far as this agent knows; its own ones with their whole output. */
import { Option } from 'commander';
import { type Client, type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { AnyMap, type HealthCheck, HealthChecks, shaped } from '../api/schemas.ts';
import { act, type Cli, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { columns, paintStatus } from '../output/table.ts';

/** The worst first. */
const STATES: readonly string[] = ['critical', 'warning', 'passing'];
/** What people see of an output that may be pages long. */
const SHOWN_LETTERS = 60;

interface Options extends ClientOptions {
  readonly state?: readonly string[];
  readonly own?: boolean;
}

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command)
    .addOption(new Option('--state <state...>', 'only checks in this state').choices(STATES))
    .option('--own', 'only checks of this agent')
    .action(act(cli, (options: Options) => checks(cli, options)));
  example(command, 'hearsay checks --state critical');
};

async function checks(cli: Cli, options: Options): Promise<number> {
  const client = await clientFor(cli, options);
  const own = await ownChecks(client);
  const all = options.own === true ? [...own.values()] : await knownChecks(client, own);
  const shown = all
    .filter(({ Status }) => options.state === undefined || options.state.includes(Status))
    .sort((a, b) => rank(a) - rank(b)); // stable: otherwise as the agent orders them
  if (options.json === true) printJson(cli.io, shown);
  else cli.io.out.write(table(cli, shown, own));
  return EXIT.done;
}

const rank = ({ Status }: HealthCheck): number => STATES.indexOf(Status);

type Own = ReadonlyMap<string, HealthCheck>;
const keyOf = ({ Node, CheckID }: HealthCheck): string => JSON.stringify([Node, CheckID]);

async function ownChecks(client: Client): Promise<Own> {
  const byId = shaped(AnyMap, await client.get('/v1/agent/checks'), client);
  const all = shaped(HealthChecks, Object.values(byId), client);
  return new Map(all.map((check) => [keyOf(check), check]));
}

/** Those of the cluster. Of its own ones the agent knows more than it tells the others, and sooner. */
async function knownChecks(client: Client, own: Own): Promise<HealthCheck[]> {
  const known = shaped(HealthChecks, await client.get('/v1/health/state/any'), client);
  const keys = new Set(known.map(keyOf));
  return [
    ...known.map((check) => own.get(keyOf(check)) ?? check),
    ...[...own].filter(([key]) => !keys.has(key)).map(([, check]) => check),
  ];
}

function table({ colors }: Cli, shown: readonly HealthCheck[], own: Own): string {
  return columns(
    ['STATE', 'NODE', 'SERVICE', 'CHECK', 'OUTPUT'],
    shown.map((check) => [
      check.Status,
      check.Node + (own.has(keyOf(check)) ? ' *' : ''),
      check.ServiceID === '' ? '-' : check.ServiceID,
      check.CheckID,
      shortened((check.Output || check.Notes).trim()), // the reason of a maintenance is in the notes
    ]),
    (cell, column) => (column === 0 ? paintStatus(colors, cell) : cell),
  );
}

function shortened(output: string): string {
  const letters = [...output];
  return letters.length <= SHOWN_LETTERS ? output : `${letters.slice(0, SHOWN_LETTERS - 3).join('')}...`;
}
