/** `hearsay sync nginx` and `hearsay sync file`: a file that is made by a template, and a command that reads it. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Command } from 'commander';
import { joinHostPort } from '../../base/address.ts';
import type { FileCommand } from '../../sync/file/command.ts';
import { FileSwap } from '../../sync/file/file-swap.ts';
import { type FileChange, FileSync } from '../../sync/file/file-sync.ts';
import { isSyntaxName, SYNTAXES, type SyntaxName } from '../../sync/template/escape.ts';
import { readTemplate, type Template } from '../../sync/template/template.ts';
import { TemplateError } from '../../sync/template/tokens.ts';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { addExample, type CliContext, CliError, EXIT, printNotice, toAction } from '../command.ts';
import { parseDurationOption } from '../input/leased-services.ts';
import { splitProgram } from '../input/program-words.ts';
import { printChange } from '../output/diff.ts';
import { createDoubt, EMPTY_OPTION } from './doubt.ts';
import { followServices } from './follower.ts';
import { isServiceName, MAX_FOLLOWED, SERVICE_NAME_RULE } from './service-name.ts';

const MAX_TEMPLATE = 1024 * 1024;

interface FileOptions extends ClientOptions {
  readonly test?: string;
  readonly every: string;
  readonly empty: string;
  readonly once?: boolean;
}

interface NginxOptions extends FileOptions {
  readonly template: string;
  readonly out: string;
  readonly reload: string;
}

/** What both commands come to. */
interface FileJob {
  readonly template: string;
  readonly out: string;
  readonly syntax: SyntaxName;
  readonly reload: FileCommand | undefined;
}

export function addNginxCommand(parent: Command, cli: CliContext): void {
  const command = addClientOptions(parent.command('nginx'), 'Print one JSON object per line')
    .description('Write a part of the configuration of nginx by a template, test it, and reload nginx')
    .requiredOption('--template <path>', 'Template of the file')
    .requiredOption('--out <path>', 'The file, which the configuration of nginx includes')
    .option('--test <command>', 'Judges the configuration; empty: nothing does', 'nginx -t')
    .option('--reload <command>', 'Makes nginx read it; empty: nothing does', 'nginx -s reload');
  addSharedOptions(command).action(
    toAction(cli, (options: NginxOptions) => {
      const { template, out, reload } = options;
      const job = { template, out, syntax: 'nginx', reload: reload === '' ? undefined : reload } as const;
      return syncFile(cli, job, options);
    }),
  );
  addExample(command, 'hearsay sync nginx --template web.mustache --out web.conf');
}

export function addFileCommand(parent: Command, cli: CliContext): void {
  const command = addClientOptions(parent.command('file'), 'Print one JSON object per line')
    .description('Write a file by a template, and run a command after each change')
    .argument('<template>', 'Template of the file')
    .argument('<out>', 'The file; then -- and the command, if any')
    .argument('[command...]')
    .option('--test <command>', 'Judges the new file: $HEARSAY_NEW before it is in its place, else OUT')
    .option(
      '--escape <syntax>',
      `How values are escaped: ${Object.keys(SYNTAXES).join(', ')} (default: by the name of OUT, else word)`,
    );
  addSharedOptions(command).action(
    toAction(
      cli,
      (_template: string, _out: string, _rest: string[], options: FileOptions & { escape?: string }) => {
        const { words, argv } = splitProgram(command, [_template, _out, ..._rest]);
        const [template = '', out = '', ...more] = words;
        if (out === '' || more.length > 0)
          throw new CliError(
            EXIT.usage,
            'name a template and a file, and write the command after --, as in hearsay sync file T OUT -- COMMAND',
          );
        const reload = argv.length === 0 ? undefined : argv;
        return syncFile(cli, { template, out, syntax: chooseSyntax(out, options.escape), reload }, options);
      },
    ),
  );
  addExample(command, 'hearsay sync file web.mustache /etc/web.json -- systemctl reload web');
}

const addSharedOptions = (command: Command): Command =>
  command
    .option('--every <duration>', 'The file is written once in this time at most', '1s')
    .option(...EMPTY_OPTION)
    .option('--once', 'Write what the catalog has now, and end');

const BY_EXTENSION: Readonly<Record<string, SyntaxName>> = {
  '.json': 'json',
  '.sh': 'shell',
  '.env': 'shell',
};

function chooseSyntax(out: string, name: string | undefined): SyntaxName {
  if (name === undefined) return BY_EXTENSION[extname(out)] ?? 'word';
  if (isSyntaxName(name)) return name;
  throw new CliError(
    EXIT.usage,
    `--escape: "${name}" is no syntax: use one of ${Object.keys(SYNTAXES).join(', ')}`,
  );
}

async function syncFile(cli: CliContext, job: FileJob, options: FileOptions): Promise<number> {
  const every = parseDurationOption('--every', options.every);
  const template = await loadTemplate(job.template, job.syntax);
  const services = template.services === 'all' ? [] : template.services;
  const client = await createClient(cli, options);
  const doubt = createDoubt(client, options.empty);
  const { test = '', once = false } = options;
  const file = await FileSwap.open(job.out, {
    test: test === '' ? undefined : test,
    reload: job.reload,
  }).catch((error: Error) => {
    throw new CliError(EXIT.usage, `${job.out}: ${error.message}: make its folder first`);
  });
  if (await file.recover())
    printNotice(cli.io, `${file.path}: a former run ended before its test did; the last good file is back`);
  const target = new FileSync({
    ...{ template, file, every, doubt },
    onChange: (row) => printChange(cli, { cells: cellsOf }, { event: row.event, row }, options.json === true),
    onProblem: (message) => {
      for (const line of message.split('\n')) printNotice(cli.io, `hearsay: ${line}`);
    },
  });
  return followServices(cli, client, {
    ...{ target, services, once },
    recovered: `${file.path} can be written again`,
    explain: (error) =>
      new CliError(
        EXIT.failed,
        `${file.path} cannot be written (${error.message}): mend it, or run this as its owner`,
      ),
  });
}

async function loadTemplate(path: string, syntax: SyntaxName): Promise<Template> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new CliError(EXIT.config, `${path}: the template cannot be read: ${error.message}`);
  });
  if (text.length > MAX_TEMPLATE)
    throw new CliError(EXIT.config, `${path}: is longer than ${MAX_TEMPLATE} characters: split the template`);
  let template: Template;
  try {
    template = readTemplate(text, syntax);
  } catch (error) {
    if (error instanceof TemplateError)
      throw new CliError(EXIT.config, `${path}:${error.line}: ${error.message}`);
    throw error;
  }
  const { services } = template;
  if (services === 'all') return template;
  const wrong = services.find((name) => !isServiceName(name));
  if (wrong !== undefined)
    throw new CliError(EXIT.config, `${path}: "${wrong}" is no name of a service: ${SERVICE_NAME_RULE}`);
  if (services.length === 0)
    throw new CliError(
      EXIT.config,
      `${path}: names no service: write {{#service web}} … {{/service web}} around what each instance of web gets`,
    );
  if (services.length > MAX_FOLLOWED)
    throw new CliError(
      EXIT.config,
      `${path}: names more than ${MAX_FOLLOWED} services: list them by {{#services}}`,
    );
  return template;
}

function cellsOf({ event, file, service, id, node, address, port, weight, reason }: FileChange): string[] {
  if (event === 'written') return [file];
  if (event === 'kept') return [service, `no instance passes, and its last servers are kept: ${reason}`];
  return [service, id, node, joinHostPort(address, port), `weight ${weight}`];
}
