/** `hearsay members`: the cluster as this agent sees it. */
import { Option } from 'commander';
import { joinHostPort } from '../../base/address.ts';
import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { type Member, Members, shaped } from '../api/schemas.ts';
import { act, type Cli, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { matches } from '../input/glob.ts';
import { pairOf } from '../input/pairs.ts';
import { age, columns, paintStatus } from '../output/table.ts';

const STATUSES = ['alive', 'suspect', 'leaving', 'left', 'failed'] as const;

interface Options extends ClientOptions {
  readonly status?: readonly string[];
  readonly tag?: readonly string[];
  readonly name?: string;
  readonly detailed?: boolean;
}

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command)
    .addOption(new Option('--status <status...>', 'only members of this status').choices(STATUSES))
    .option('--tag <key=value...>', 'only members with this tag; with all of them if several')
    .option('--name <glob>', 'only members whose name matches: * any text, ? one character, [a-z] one of')
    .option('--detailed', 'incarnation and protocol versions, too')
    .action(act(cli, (options: Options) => members(cli, options)));
  example(command, 'hearsay members --status alive --tag role=web');
};

async function members(cli: Cli, options: Options): Promise<number> {
  const client = await clientFor(cli, options);
  const wanted = filterOf(options);
  const all = shaped(Members, await client.get('/v1/hearsay/members'), client);
  const shown = all.filter(wanted);
  if (options.json === true) printJson(cli.io, shown);
  else cli.io.out.write(table(cli, shown, options.detailed === true));
  return EXIT.done;
}

function filterOf({ status, tag, name }: Options): (member: Member) => boolean {
  const tags = (tag ?? []).map((pair) => pairOf(pair, '--tag'));
  return (member) =>
    (status === undefined || status.includes(member.status)) &&
    (name === undefined || matches(member.name, name)) &&
    tags.every(([key, value]) => Object.hasOwn(member.tags, key) && member.tags[key] === value);
}

function table({ colors }: Cli, members: readonly Member[], detailed: boolean): string {
  const header = ['NODE', 'ADDRESS', 'STATUS', 'AGE', 'TAGS'];
  return columns(
    detailed ? [...header.slice(0, 4), 'INCARNATION', 'PROTOCOL', 'DELEGATE', 'TAGS'] : header,
    members.map((member) => [
      member.name + (member.self ? ' *' : ''),
      joinHostPort(member.addr, member.port),
      member.status,
      age(member.ageMs),
      ...(detailed ? [String(member.incarnation), versions(member.protocol), versions(member.delegate)] : []),
      Object.entries(member.tags)
        .filter(([key]) => detailed || key !== CAPABILITY_TAG)
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    ]),
    (cell, column) => (column === 2 ? paintStatus(colors, cell) : cell),
  );
}

/** How our agents know one another on the wire; of no use to people. */
const CAPABILITY_TAG = 'hearsay';

const versions = ({ min, max, cur }: Member['protocol']): string => `${cur} (${min}-${max})`;
