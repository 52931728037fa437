/** `hearsay info`: version, addresses, health and counts of the local agent. */
import type * as v from 'valibot';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { AgentInfoSchema, parseResponse } from '../api/schemas.ts';
import { addExample, type CliContext, type CommandBuilder, EXIT, printJson, toAction } from '../command.ts';
import { formatAge } from '../output/table.ts';
import { sanitize } from '../sanitize.ts';

export const infoCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command).action(toAction(cli, (options: ClientOptions) => info(cli, options)));
  addExample(command, 'hearsay info --json');
};

async function info(cli: CliContext, options: ClientOptions): Promise<number> {
  const client = await createClient(cli, options);
  const facts = parseResponse(AgentInfoSchema, await client.get('/v1/hearsay/info'), client);
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
    ...partitionSummaryLines(facts.partitionSummary),
    ['health', awareness === 0 ? '0 (healthy)' : `${awareness} (slow to respond, or losing packets)`],
    ['incarnation', String(facts.incarnation)],
    ['uptime', formatAge(facts.uptimeMs)],
    ...(facts.leaving ? ([['leaving', 'yes']] satisfies [string, string][]) : []),
    ['degraded', facts.degraded.length === 0 ? 'none' : facts.degraded.join('; ')],
  ];
  for (const [name, value] of lines) cli.io.out.write(`${name.padEnd(12)} ${sanitize(value)}\n`);
  return EXIT.done;
}

function partitionSummaryLines(
  summary: v.InferOutput<typeof AgentInfoSchema>['partitionSummary'],
): [string, string][] {
  if (summary === undefined) return [];
  const { sentence, minuteAgo, hourAgo } = summary;
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
    ['partition', sentence],
    ...(seen.length === 0 ? [] : ([['', seen.join(', ')]] as [string, string][])),
  ];
}
