/** Reads what users name: files and directories of settings, and a token. Values are validated by config/. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AgentError } from '../base/errors.ts';
import { untrustedReason } from '../base/owner.ts';
import type { ConfigFile } from '../config/file/parse.ts';
import { validateToken } from '../config/names.ts';
import { FILE_KINDS, fileKindOf } from './kinds.ts';
import { readTextFile, refuseFile } from './text.ts';
import { parseYaml } from './yaml.ts';

const GROUP_OR_OTHERS_WRITE = 0o022;
const GROUP_OR_OTHERS_READ = 0o044;

export interface LoadedFile {
  readonly file: ConfigFile;
  readonly warnings: readonly string[];
}

export interface ConfigFiles {
  readonly files: readonly LoadedFile[];
  /** One sentence on what a directory has besides settings. */
  readonly warnings: readonly string[];
}

/** A directory's YAML and JSON files in the order of their names, and all else in it. */
export interface FileList {
  readonly isDirectory: boolean;
  readonly files: readonly string[];
  /** Names without the path; hidden files are not mentioned. */
  readonly others: readonly string[];
}

/** The file itself, or the files of a directory. Throws `AgentError('config')`. */
export async function listFiles(path: string): Promise<FileList> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => refuseFile(path, error));
  if (!found.isDirectory()) return { isDirectory: false, files: [path], others: [] };
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) =>
    refuseFile(path, error),
  );
  const visible = entries.filter(({ name }) => !name.startsWith('.'));
  const isRead = (entry: (typeof entries)[number]): boolean =>
    !entry.isDirectory() && /\.(ya?ml|json)$/.test(entry.name);
  const names = (list: typeof entries): string[] => list.map(({ name }) => name).sort();
  return {
    isDirectory: true,
    files: names(visible.filter(isRead)).map((name) => join(path, name)),
    others: names(visible.filter((entry) => !isRead(entry))),
  };
}

/**
 * Parses a file of settings without validating them, or those of a directory: there files of other kinds are passed over, with a
 * warning that names them. Throws `AgentError('config')`.
 */
export async function readConfigFiles(path: string): Promise<ConfigFiles> {
  const { isDirectory, files: paths, others } = await listFiles(path);
  const files: LoadedFile[] = [];
  const passedOver: string[] = [];
  for (const one of paths) {
    const loaded = await readConfigFile(one);
    const kind = fileKindOf(loaded.file.root);
    if (kind === 'settings' || (kind === 'empty' && !isDirectory)) files.push(loaded);
    else if (isDirectory) passedOver.push(`${basename(one)} (${FILE_KINDS[kind]})`);
    else if (kind === 'other')
      files.push(loaded); // config/ says what is wrong
    else throw new AgentError('config', `${one}:${loaded.file.root.line}: is ${FILE_KINDS[kind]}`);
  }
  const all = [...passedOver, ...others];
  return { files, warnings: all.length === 0 ? [] : [`${path}: passed over ${all.join(', ')}`] };
}

/** Parses one file of any kind. Throws `AgentError('config')`. */
export async function readConfigFile(path: string): Promise<LoadedFile> {
  const { text, mode, uid } = await readTextFile(path);
  const open = (mode & GROUP_OR_OTHERS_WRITE) !== 0;
  const warnings = open ? [`${path} is writable by other users: run \`chmod go-w ${path}\``] : [];
  const foreign = untrustedReason({ uid, mode }, process.geteuid?.());
  const root = await parseYaml(path, text);
  return { file: { path, root, ...(foreign === undefined ? {} : { untrusted: foreign }) }, warnings };
}

/** The token in a file, trimmed. Refuses a file that other users could have written (S25). */
export async function readTokenFile(
  path: string,
  validate = validateToken,
): Promise<{ readonly token: string; readonly warnings: readonly string[] }> {
  const { text, mode } = await readTextFile(path);
  if ((mode & GROUP_OR_OTHERS_WRITE) !== 0)
    throw new AgentError('config', `${path}: is writable by other users: run \`chmod 600 ${path}\``);
  const token = text.trim();
  try {
    validate(token);
  } catch (error) {
    throw new AgentError('config', `${path}: the token ${(error as Error).message}`);
  }
  const open = (mode & GROUP_OR_OTHERS_READ) !== 0;
  return { token, warnings: open ? [`${path} is readable by other users: run \`chmod 600 ${path}\``] : [] };
}
