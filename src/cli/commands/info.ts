/** `hearsay info`: the local agent about itself. */
import type * as v from 'valibot';
import { type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { Info, shaped } from '../api/schemas.ts';
import { act, type Cli, type CommandModule, EXIT, example, printJson } from '../command.ts';
import { age } from '../output/table.ts';
import { clean } from '../sanitize.ts';

export const build: CommandModule['build'] = (command, cli) => {
  clientOptions(command).action(act(cli, (options: ClientOptions) => info(cli, options)));
  example(command, 'hearsay info --json');
};

async function info(cli: Cli, options: ClientOptions): Promise<number> {
  const client = await clientFor(cli, options);
  const facts = shaped(Info, await client.get('/v1/hearsay/info'), client);
  if (options.json === true) {
    printJson(cli.io, facts);
    return EXIT.done;
  }
  const { awareness } = facts.health;
  const lines: [string, string][] = [
    ['node', `${facts.node} (${facts.datacenter})`],
    ['version', facts.version],
    ['gossip', `${facts.address.gossip}${facts.encrypted ? ', encrypted' : ', not encrypted'}`],
    ['http', facts.address.http ?? 'off'],
    ['dns', facts.address.dns ?? 'off'],
    [
      'members',
      Object.entries(facts.members)
        .map(([status, number]) => `${number} ${status}`)
        .join(', '),
    ],
    ...outlookLines(facts.outlook),
    ['health', awareness === 0 ? '0 (well)' : `${awareness} (slow to answer, or losing packets)`],
    ['incarnation', String(facts.incarnation)],
    ['uptime', age(facts.uptimeMs)],
    ...(facts.leaving ? ([['leaving', 'yes']] satisfies [string, string][]) : []),
    ['degraded', facts.degraded.length === 0 ? 'nothing' : facts.degraded.join('; ')],
  ];
  for (const [name, value] of lines) cli.io.out.write(`${name.padEnd(12)} ${clean(value)}\n`);
  return EXIT.done;
}

function outlookLines(outlook: v.InferOutput<typeof Info>['outlook']): [string, string][] {
  if (outlook === undefined) return [];
  const { sentence, minuteAgo, hourAgo } = outlook;
  const counts = [
    ['a minute ago', minuteAgo],
    ['an hour ago', hourAgo],
  ] as const;
  const seen = counts.flatMap(([when, census]) =>
    census === null || census === undefined
      ? []
      : [`${census.visible} of ${census.known} known ${when} are visible`],
  );
  return [
    ['outlook', sentence],
    ...(seen.length === 0 ? [] : ([['', seen.join(', ')]] as [string, string][])),
  ];
}
