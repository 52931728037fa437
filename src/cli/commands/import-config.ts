/** `hearsay import config`: says of each key of a configuration of Consul or Serf what it becomes here, or that it has no counterpart. */
import { foreignKeyHints } from '../../config/file/foreign.ts';
import type { ConfigNode } from '../../config/file/node.ts';
import type { ConfigFile } from '../../config/file/parse.ts';
import { convertSerfConfig } from '../../config/file/serf-config.ts';
import { SETTINGS } from '../../config/schema.ts';
import { listFiles, readConfigFile } from '../../files/config-files.ts';
import { type CliContext, EXIT, printJson, printNotice } from '../command.ts';
import { sanitize } from '../sanitize.ts';

interface KeyReport {
  readonly file: string;
  readonly line: number;
  readonly key: string;
  readonly hasCounterpart: boolean;
  readonly message: string;
}

export interface ImportConfigOptions {
  readonly json?: boolean;
  readonly yaml?: boolean;
}

export async function importConfig(
  cli: CliContext,
  paths: readonly string[],
  { json = false, yaml = false }: ImportConfigOptions,
): Promise<number> {
  if (yaml) return convertConfig(cli, paths);
  const rows: KeyReport[] = [];
  for (const path of paths) {
    const { files, others } = await listFiles(path);
    if (others.length > 0) printNotice(cli.io, `warning: ${path}: passed over ${others.join(', ')}`);
    for (const one of files) {
      const { file } = await readConfigFile(one);
      rows.push(...reportKeys(file.path, file.root));
    }
  }
  if (json) printJson(cli.io, rows);
  else {
    for (const { file, line, key, message } of rows)
      cli.io.out.write(`${sanitize(`${file}:${line}: ${key}: ${message}`)}\n`);
    const kept = rows.filter(({ hasCounterpart }) => hasCounterpart).length;
    cli.io.out.write(`${kept} of ${rows.length} keys have a counterpart\n`);
  }
  return EXIT.done;
}

/** Later files override earlier ones, as for the agent. */
async function convertConfig(cli: CliContext, paths: readonly string[]): Promise<number> {
  const files: ConfigFile[] = [];
  for (const path of paths)
    for (const one of (await listFiles(path)).files) files.push((await readConfigFile(one)).file);
  const { settings, notes } = convertSerfConfig(files);
  for (const note of notes) printNotice(cli.io, note);
  // Values as JSON are YAML, too, and no text is taken for a number or a date.
  for (const [key, value] of settings) cli.io.out.write(`${key}: ${JSON.stringify(value)}\n`);
  return EXIT.done;
}

function reportKeys(file: string, { line, value }: ConfigNode): KeyReport[] {
  if (!(value instanceof Map))
    return [{ file, line, key: '', hasCounterpart: false, message: 'is no map of settings' }];
  return [...(value as ReadonlyMap<string, ConfigNode>)].flatMap(([key, node]) => {
    const hints = foreignKeyHints(key, node);
    if (hints.length > 0)
      return hints.map(({ node: at, hint }): KeyReport => {
        const hasCounterpart = !hint.includes('has no counterpart');
        return { file, line: at.line, key, hasCounterpart, message: hint };
      });
    const isSame = SETTINGS.has(key);
    const message = isSame ? 'is the same here' : 'is not known: neither Consul nor Serf document such a key';
    return [{ file, line: node.line, key, hasCounterpart: isSame, message }];
  });
}
