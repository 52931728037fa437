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
  const agentInfo = parseResponse(AgentInfoSchema, await client.get('/v1/hearsay/info'), client);
  if (options.json === true) {
    printJson(cli.io, agentInfo);
    return EXIT.done;
  }
  const { awareness } = agentInfo.health;
  const lines: [string, string][] = [
    ['node', `${agentInfo.node} (${agentInfo.datacenter})`],
    ['version', agentInfo.version],
    ['gossip', `${agentInfo.address.gossip}${agentInfo.encrypted ? ', encrypted' : ', not encrypted'}`],
    ['http', agentInfo.address.http ?? 'off'],
    ['dns', agentInfo.address.dns ?? 'off'],
    [
      'members',
      Object.entries(agentInfo.members)
        .map(([status, number]) => `${number} ${status}`)
        .join(', '),
    ],
    ...partitionSummaryLines(agentInfo.partitionSummary),
    ['health', awareness === 0 ? '0 (healthy)' : `${awareness} (slow to respond, or losing packets)`],
    ['incarnation', String(agentInfo.incarnation)],
    ['uptime', formatAge(agentInfo.uptimeMs)],
    ...(agentInfo.leaving ? ([['leaving', 'yes']] satisfies [string, string][]) : []),
    ['degraded', agentInfo.degraded.length === 0 ? 'none' : agentInfo.degraded.join('; ')],
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
  const changes = counts.flatMap(([when, count]) =>
    count === null || count === undefined
      ? []
      : [`${count.visible} of ${count.known} members known ${when} are visible`],
  );
  return [
    ['partition', sentence],
    ...(changes.length === 0 ? [] : ([['', changes.join(', ')]] as [string, string][])),
  ];
}
