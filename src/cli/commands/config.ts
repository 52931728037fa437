/** `hearsay config`: every setting, its value and its origin; `config check` validates files. */
import type { Command } from 'commander';
import { AgentError } from '../../base/errors.ts';
import { formatSettingValue, settingToJson } from '../../config/docs.ts';
import { parseConfigFile } from '../../config/file/parse.ts';
import { SETTINGS } from '../../config/schema.ts';
import { listFiles, readConfigFile, readConfigFiles } from '../../files/config-files.ts';
import { fileKindOf } from '../../files/kinds.ts';
import { readServiceFiles, type ServiceFileOptions } from '../../files/service-files.ts';
import {
  addExample,
  addJsonOption,
  type CliContext,
  type CommandBuilder,
  EXIT,
  printJson,
  printNotice,
  toAction,
} from '../command.ts';
import { addAgentOptions, loadConfig } from '../input/settings.ts';
import { formatTable } from '../output/table.ts';

interface Options {
  readonly json?: boolean;
}

export const configCommand: CommandBuilder = (command, cli) => {
  addAgentOptions(addJsonOption(command), () => false)
    .addHelpText('after', '\nIt takes every option of `hearsay agent`.')
    .action(toAction(cli, (options: Options, self: Command) => show(cli, options, self)));
  addExample(command, 'hearsay config --config /etc/hearsay --preset wan');

  const checking = addJsonOption(command.command('check'))
    .description('Check files of settings and of services; exits with 78 on an error, naming line and key')
    .argument('<path...>', 'File, or directory of files')
    .action(toAction(cli, (paths: string[], options: Options) => check(cli, paths, options)));
  addExample(checking, 'hearsay config check /etc/hearsay');
};

async function show(cli: CliContext, options: Options, command: Command): Promise<number> {
  const { values, origins, warnings } = await loadConfig(command, cli.io);
  for (const warning of warnings) printNotice(cli.io, `warning: ${warning}`);
  const rows = [...SETTINGS.values()].map(({ key, setting }) => ({
    key,
    setting,
    value: values.get(key),
    origin: origins.get(key) ?? 'default',
  }));
  if (options.json === true)
    printJson(
      cli.io,
      Object.fromEntries(
        rows.map(({ key, setting, value, origin }) => [
          key,
          { value: settingToJson(setting, value), origin },
        ]),
      ),
    );
  else
    cli.io.out.write(
      formatTable(
        ['SETTING', 'VALUE', 'FROM'],
        rows.map(({ key, setting, value, origin }) => [
          key,
          formatSettingValue(setting, value) || '-',
          origin,
        ]),
        (cell, column, row) =>
          column === 2 && rows[row]?.origin === 'default' ? cli.colors.dim(cell) : cell,
      ),
    );
  return EXIT.done;
}

/** Reports all problems, not only the first. */
async function check(cli: CliContext, paths: readonly string[], options: Options): Promise<number> {
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const path of paths)
    try {
      const found = (await holdsServices(path)) ? await checkServices([path], {}) : await checkSettings(path);
      problems.push(...found.problems);
      warnings.push(...found.warnings);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      problems.push(error.message);
    }
  if (options.json === true) printJson(cli.io, { ok: problems.length === 0, problems, warnings });
  else for (const warning of warnings) printNotice(cli.io, `warning: ${warning}`);
  for (const problem of problems) printNotice(cli.io, problem);
  if (problems.length === 0 && options.json !== true)
    cli.io.out.write(`${paths.join(', ')}: no problems found\n`);
  return problems.length === 0 ? EXIT.done : EXIT.config;
}

interface Findings {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Files of services are judged alone, and so is a directory that has them and no settings. In any other directory settings are
 * judged, and the service files that they name.
 */
async function holdsServices(path: string): Promise<boolean> {
  const { isDirectory, files } = await listFiles(path);
  if (!isDirectory) return (await kindOf(path)) === 'services';
  // What cannot be read is a problem in either case: whoever judges the directory reports it.
  const kinds = await Promise.all(files.map((file) => kindOf(file).catch(() => 'empty')));
  return kinds.includes('services') && !kinds.includes('settings');
}

const kindOf = async (path: string): Promise<string> => fileKindOf((await readConfigFile(path)).file.root);

/** Settings of one path, and the service files that they name. */
async function checkSettings(path: string): Promise<Findings> {
  const { files, warnings } = await readConfigFiles(path);
  const problems: string[] = [];
  const values = new Map<string, unknown>();
  for (const { file } of files) {
    const { found, problems: more } = parseConfigFile(file);
    problems.push(...more);
    for (const [key, { value }] of found) values.set(key, value);
  }
  const exec = values.get('allowExecChecks');
  const options: ServiceFileOptions = {
    trustedOnly: true,
    ...(typeof values.get('node') === 'string' ? { node: values.get('node') as string } : {}),
    ...(exec === false ? { refuseExec: EXEC_IS_OFF } : {}),
  };
  const paths = (values.get('service') ?? []) as readonly string[];
  const services = await checkServices(paths, options, exec === true);
  return {
    problems: [...problems, ...services.problems],
    warnings: [...warnings, ...files.flatMap((one) => one.warnings), ...services.warnings],
  };
}

const EXEC_IS_OFF = 'checks that run programs need allowExecChecks, which is false';

/** Whether the agent will allow programs is not known here, unless the settings say so: it is a warning. */
async function checkServices(
  paths: readonly string[],
  options: ServiceFileOptions,
  allowsExec = false,
): Promise<Findings> {
  const { registrations, problems, warnings } = await readServiceFiles(paths, options);
  const programs = registrations
    .filter(({ checks }) => !allowsExec && checks.some(({ probe }) => probe.kind === 'exec'))
    .map(({ location }) => `${location}: a check runs a program: start the agent with --allow-exec-checks`);
  return { problems, warnings: [...warnings, ...programs] };
}
