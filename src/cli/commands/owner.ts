/** `hearsay owner`: the healthy instances that own a key, to share work without a coordinator. */
import type { Command } from 'commander';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { formatEndpoint } from '../api/instances.ts';
import { KeyOwnersSchema, parseResponse } from '../api/schemas.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  toAction,
} from '../command.ts';
import { formatTable } from '../output/table.ts';
import { sanitize } from '../sanitize.ts';

export interface OwnerOptions extends ClientOptions {
  readonly service: string;
  readonly n?: string;
}

export const ownerCommand: CommandBuilder = (command, cli) => {
  addOwnerOptions(addClientOptions(command)).action(
    toAction(cli, (key: string, options: OwnerOptions) => owner(cli, key, options)),
  );
  addExample(command, 'hearsay owner nightly-report --service worker');
};

export const addOwnerOptions = (command: Command): Command =>
  command
    .argument('<key>', 'Any text: the name of a job, a shard, a customer')
    .requiredOption('--service <name>', 'Service whose instances share the keys')
    .option('-n, --n <n>', 'Number of instances: the owner, then its stand-ins (default: 1)')
    .addHelpText('after', ADVICE);

const ADVICE = `
Advice, not a lock: while a change spreads, or while the cluster is partitioned,
two agents may name different owners. Use it where doing work twice is harmless.
Agents that show the same ring agree.`;

async function owner(cli: CliContext, key: string, options: OwnerOptions): Promise<number> {
  const path = ownerPath(key, options);
  const client = await createClient(cli, options);
  const { owners, checksum, instances } = parseResponse(KeyOwnersSchema, await client.get(path), client);
  if (options.json === true) printJson(cli.io, owners);
  if (owners.length === 0)
    throw new CliError(
      EXIT.notFound,
      `service "${options.service}" has no healthy instance: run \`hearsay services ${options.service}\` to see all of them`,
    );
  if (options.json !== true) {
    cli.io.out.write(
      formatTable(
        ['ID', 'NODE', 'ADDRESS'],
        owners.map((one) => [one.id, one.node, formatEndpoint(one)]),
      ),
    );
    cli.io.out.write(
      `ring ${sanitize(String(checksum))} of ${instances} instance${instances === 1 ? '' : 's'}\n`,
    );
  }
  return EXIT.done;
}

/** HTTP path of the owners of `key`. Throws `CliError` if `n` is not a number. */
export function ownerPath(key: string, { service, n = '1' }: Pick<OwnerOptions, 'service' | 'n'>): string {
  if (!/^[1-9]\d{0,4}$/.test(n)) throw new CliError(EXIT.usage, '--n: must be a whole number, 1 or more');
  return `/v1/hearsay/owner/${encodeURIComponent(service)}?${new URLSearchParams({ key, n })}`;
}
