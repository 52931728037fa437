/** `hearsay config`: every setting, its value and its origin; `config check` validates files. */
import type { Command } from 'commander';
import { AgentError } from '../../base/errors.ts';
import { formatSettingValue, settingToJson } from '../../config/docs.ts';
import { parseConfigFile } from '../../config/file.ts';
import { SETTINGS } from '../../config/schema.ts';
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
import { listConfigFiles, readConfigFile } from '../input/files.ts';
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
    .description('Check configuration files; exits with 78 on an error, naming line and key')
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
  const collect = async <T>(read: Promise<T>): Promise<T | undefined> => {
    try {
      return await read;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  for (const path of paths)
    for (const name of (await collect(listConfigFiles(path))) ?? []) {
      const read = await collect(readConfigFile(name));
      if (read === undefined) continue;
      for (const warning of read.warnings) printNotice(cli.io, `warning: ${warning}`);
      problems.push(...parseConfigFile(read.file).problems);
    }
  if (options.json === true) printJson(cli.io, { ok: problems.length === 0, problems });
  for (const problem of problems) printNotice(cli.io, problem);
  if (problems.length === 0 && options.json !== true)
    cli.io.out.write(`${paths.join(', ')}: no problems found\n`);
  return problems.length === 0 ? EXIT.done : EXIT.config;
}
