/** `hearsay members`: the members of the cluster as this agent sees them. */
import { Option } from 'commander';
import { joinHostPort } from '../../base/address.ts';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { type MemberInfo, MembersSchema, parseResponse } from '../api/schemas.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  toAction,
} from '../command.ts';
import { parsePair } from '../input/pairs.ts';
import { parseRegularExpression } from '../input/regular-expressions.ts';
import { colorStatus, compareNames, formatAge, formatTable } from '../output/table.ts';

const STATUSES = ['alive', 'suspect', 'away', 'leaving', 'left', 'failed'] as const;

interface Options extends ClientOptions {
  readonly status?: readonly string[];
  readonly tag?: readonly string[];
  readonly name?: string;
  readonly detailed?: boolean;
}

export const membersCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .addOption(statusOption())
    .option(
      '--tag <key=regexp...>',
      'Show only members with this tag, whose value matches as a whole; several must all match',
    )
    .option('--name <regexp>', 'Show only members whose name matches as a whole: web-.* is web- and any text')
    .option('--detailed', 'Show incarnation and protocol versions, too')
    .action(toAction(cli, (options: Options) => members(cli, options)));
  addExample(command, "hearsay members --status alive --tag 'role=web|db'");
};

/** The statuses are offered as completions; what is given is a regular expression. */
function statusOption(): Option {
  const option = new Option('--status <regexp...>', 'Show only members whose status matches');
  option.argChoices = [...STATUSES];
  return option;
}

async function members(cli: CliContext, options: Options): Promise<number> {
  const client = await createClient(cli, options);
  const wanted = filterOf(options);
  const all = parseResponse(MembersSchema, await client.get('/v1/hearsay/members'), client);
  const shown = all.filter(wanted);
  if (options.json === true) printJson(cli.io, shown);
  else cli.io.out.write(table(cli, shown, options.detailed === true));
  return EXIT.done;
}

function filterOf({ status, tag, name }: Options): (member: MemberInfo) => boolean {
  const tags = (tag ?? []).map((pair) => {
    const [key, value] = parsePair(pair, '--tag');
    return { key, matches: parseRegularExpression(value, '--tag') };
  });
  const hasStatus = status?.map(parseStatus);
  const hasName = name === undefined ? undefined : parseRegularExpression(name, '--name');
  return (member) =>
    (hasStatus === undefined || hasStatus.some((matches) => matches(member.status))) &&
    (hasName === undefined || hasName(member.name)) &&
    tags.every(({ key, matches }) => Object.hasOwn(member.tags, key) && matches(member.tags[key] ?? ''));
}

/** An expression that matches no status at all is a misspelling. */
function parseStatus(expression: string): (text: string) => boolean {
  const matches = parseRegularExpression(expression, '--status');
  if (!STATUSES.some(matches))
    throw new CliError(EXIT.usage, `--status: "${expression}" matches none of ${STATUSES.join(', ')}`);
  return matches;
}

function table({ colors }: CliContext, members: readonly MemberInfo[], detailed: boolean): string {
  const header = ['NODE', 'ADDRESS', 'STATUS', 'AGE', 'TAGS'];
  return formatTable(
    detailed ? [...header.slice(0, 4), 'INCARNATION', 'PROTOCOL', 'DELEGATE', 'TAGS'] : header,
    [...members]
      .sort((a, b) => compareNames(a.name, b.name))
      .map((member) => [
        member.name + (member.self ? ' *' : ''),
        joinHostPort(member.addr, member.port),
        member.status,
        formatAge(member.ageMs),
        ...(detailed
          ? [String(member.incarnation), versions(member.protocol), versions(member.delegate)]
          : []),
        Object.entries(member.tags)
          .filter(([key]) => detailed || key !== CAPABILITY_TAG)
          .map(([key, value]) => `${key}=${value}`)
          .join(','),
      ]),
    (cell, column) => (column === 2 ? colorStatus(colors, cell) : cell),
  );
}

/** The tag that announces the catalog on the wire. The short table leaves it out. */
const CAPABILITY_TAG = 'hearsay';

const versions = ({ min, max, cur }: MemberInfo['protocol']): string => `${cur} (${min}-${max})`;
