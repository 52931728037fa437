/** `hearsay keys`: lists and changes the gossip keys of all members while they run. Keys are shown as fingerprints. */
import type { Command } from 'commander';
import * as v from 'valibot';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { pollUntilFinished } from '../api/poll.ts';
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
import type { Io } from '../io.ts';
import { formatTable } from '../output/table.ts';
import { sanitize } from '../sanitize.ts';

const KeyReportSchema = v.looseObject({
  id: v.number(),
  finished: v.boolean(),
  step: v.string(),
  members: v.number(),
  answered: v.number(),
  unresponsive: v.array(v.string()),
  errors: v.record(v.string(), v.string()),
  messages: v.record(v.string(), v.string()),
  keys: v.record(v.string(), v.number()),
  primaries: v.record(v.string(), v.number()),
  refusal: v.nullable(v.string()),
});
type KeyReport = v.InferOutput<typeof KeyReportSchema>;

interface Options extends ClientOptions {
  readonly force?: boolean;
  readonly timeout?: string;
}

export const keysCommand: CommandBuilder = (command, cli) => {
  const sub = (name: string, description: string, line: string): Command => {
    const one = addClientOptions(command.command(name))
      .description(description)
      .option('--timeout <duration>', 'How long to wait for members (default: by the size of the cluster)');
    addExample(one, line);
    return one;
  };
  sub('list', 'Show which keys the members have', 'hearsay keys list').action(
    toAction(cli, (options: Options) => runKeyOperation(cli, 'list', undefined, options)),
  );
  const KEY = 'Base64, or a fingerprint from `hearsay keys list`; - reads it from stdin';
  sub('install', 'Add a key to all keyrings', 'hearsay keygen | hearsay keys install -')
    .argument('<key>', KEY)
    .action(toAction(cli, (key: string, options: Options) => runKeyOperation(cli, 'install', key, options)));
  sub('use', 'Make a key primary: members encrypt with it', 'hearsay keys use 2f0c1b7d9e3a5f46')
    .argument('<key>', KEY)
    .option('--force', 'Proceed even if a member lacks the key, or has failed and may lack it')
    .action(toAction(cli, (key: string, options: Options) => runKeyOperation(cli, 'use', key, options)));
  sub('remove', 'Remove a key from all keyrings', 'hearsay keys remove 2f0c1b7d9e3a5f46')
    .argument('<key>', KEY)
    .option('--force', 'Proceed even if a member may have no other key')
    .action(toAction(cli, (key: string, options: Options) => runKeyOperation(cli, 'remove', key, options)));
  addExample(command, 'hearsay keys list');
};

async function runKeyOperation(
  cli: CliContext,
  operation: string,
  given: string | undefined,
  options: Options,
): Promise<number> {
  const { io } = cli;
  const client = await createClient(cli, options);
  const key = given === '-' ? (await io.readStdin(MAX_INPUT)).trim() : given;
  const parameters = new URLSearchParams({
    ...(options.force === true ? { force: '' } : {}),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
  }).toString();
  const path = `/v1/hearsay/keys/${operation}${parameters === '' ? '' : `?${parameters}`}`;
  const read = (body: unknown): KeyReport => parseResponse(KeyReportSchema, body, client);
  const first = read(await client.put(path, key === undefined ? {} : { key }));
  const report = await pollUntilFinished(
    cli,
    client,
    `/v1/hearsay/key-reports/${first.id}`,
    first,
    read,
    (state) => {
      if (io.err.isTerminal && !state.finished)
        io.err.write(
          `${STEP_LABELS[state.step] ?? ''}: ${state.answered} of ${state.members} members responded\n`,
        );
    },
  );
  if (report === undefined) return EXIT.interrupted;
  if (options.json === true)
    printJson(io, {
      ...{ keys: report.keys, primaries: report.primaries, nodes: report.answered, members: report.members },
      ...{ errors: report.errors, messages: report.messages },
      ...{ unresponsive: report.unresponsive, refusal: report.refusal },
    });
  if (report.refusal !== null) throw new CliError(EXIT.notFound, `nothing was changed: ${report.refusal}`);
  const failed = Object.keys(report.errors).length + report.unresponsive.length;
  if (options.json !== true) show(cli, operation, report);
  return failed === 0 ? EXIT.done : EXIT.failed;
}

/** Bytes of stdin; a key is shorter. */
const MAX_INPUT = 1024;
const STEP_LABELS: Readonly<Record<string, string>> = { check: 'listing keys', apply: 'applying' };

function show({ io }: CliContext, operation: string, report: KeyReport): void {
  if (operation === 'list')
    io.out.write(
      formatTable(
        ['KEY', 'MEMBERS', 'PRIMARY'],
        Object.entries(report.keys).map(([key, count]) => [
          key,
          `${count}/${report.members}`,
          `${report.primaries[key] ?? 0}/${report.members}`,
        ]),
      ),
    );
  else
    io.out.write(
      `${report.answered - Object.keys(report.errors).length} of ${report.members} members applied it\n`,
    );
  printByText(io, report.errors);
  printByText(io, report.messages);
  printByText(io, Object.fromEntries(report.unresponsive.map((node) => [node, 'no response'])));
}

/** One line for each text, with the members that it comes from. */
function printByText(io: Io, texts: Readonly<Record<string, string>>): void {
  const nodes = new Map<string, string[]>();
  for (const [node, text] of Object.entries(texts)) nodes.set(text, [...(nodes.get(text) ?? []), node]);
  for (const [text, named] of nodes) {
    const more = named.length > MAX_NAMED ? ` and ${named.length - MAX_NAMED} more` : '';
    io.out.write(`${sanitize(named.slice(0, MAX_NAMED).join(', '))}${more}: ${sanitize(text)}\n`);
  }
}

/** Names in one line. */
const MAX_NAMED = 8;
