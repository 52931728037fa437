/** Reads files that users name: settings, service definitions, a token. They are parsed here and validated elsewhere. */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from 'yaml';
import { AgentError } from '../../base/errors.ts';
import { type FileOwnership, untrustedReason } from '../../base/owner.ts';
import type { ConfigFile, ConfigNode } from '../../config/file.ts';
import { validateToken } from '../../config/names.ts';

export const MAX_FILE_BYTES = 1024 * 1024;
const MAX_DEPTH = 16;
const GROUP_OR_OTHERS_WRITE = 0o022;
const GROUP_OR_OTHERS_READ = 0o044;

export interface LoadedFile {
  readonly file: ConfigFile;
  readonly warnings: readonly string[];
}

/** The file itself, or the files of a directory in the order of their names. Throws `AgentError('config')`. */
export async function listConfigFiles(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => refuse(path, error));
  if (!found.isDirectory()) return [path];
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => refuse(path, error));
  return names
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .sort()
    .map((name) => join(path, name));
}

/** Parses a file without validating its settings. Throws `AgentError('config')`. */
export async function readConfigFile(path: string): Promise<LoadedFile> {
  const { text, mode, uid } = await readText(path);
  const open = (mode & GROUP_OR_OTHERS_WRITE) !== 0;
  const warnings = open ? [`${path} is writable by other users: run \`chmod go-w ${path}\``] : [];
  const foreign = untrustedReason({ uid, mode }, process.geteuid?.());
  const root = await parse(path, text);
  return { file: { path, root, ...(foreign === undefined ? {} : { untrusted: foreign }) }, warnings };
}

/** Parses `text` as the content of the file `path`. Throws `AgentError('config')`. */
export async function parseConfigText(path: string, text: string): Promise<ConfigFile> {
  return { path, root: await parse(path, text) };
}

/** The token in a file, trimmed. Refuses a file that other users could have written (S25). */
export async function readTokenFile(
  path: string,
): Promise<{ readonly token: string; readonly warnings: readonly string[] }> {
  const { text, mode } = await readText(path);
  if ((mode & GROUP_OR_OTHERS_WRITE) !== 0)
    throw new AgentError('config', `${path}: is writable by other users: run \`chmod 600 ${path}\``);
  const token = text.trim();
  try {
    validateToken(token);
  } catch (error) {
    throw new AgentError('config', `${path}: the token ${(error as Error).message}`);
  }
  const open = (mode & GROUP_OR_OTHERS_READ) !== 0;
  return { token, warnings: open ? [`${path} is readable by other users: run \`chmod 600 ${path}\``] : [] };
}

async function readText(path: string): Promise<FileOwnership & { readonly text: string }> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => refuse(path, error));
  try {
    const { size, mode, uid } = await file.stat();
    if (size > MAX_FILE_BYTES) throw new AgentError('config', `${path}: is larger than 1 MB`);
    return { text: await file.readFile('utf8'), mode, uid };
  } catch (error) {
    if (error instanceof AgentError) throw error;
    return refuse(path, error as NodeJS.ErrnoException);
  } finally {
    await file.close();
  }
}

function refuse(path: string, error: NodeJS.ErrnoException): never {
  const reason =
    error.code === 'ENOENT'
      ? 'no such file or directory'
      : error.code === 'EACCES'
        ? 'cannot be read by this user: check its permissions'
        : (error.code ?? error.message);
  throw new AgentError('config', `${path}: ${reason}`);
}

/** Parses YAML, and JSON as YAML, so that both keep their line numbers. */
async function parse(path: string, text: string): Promise<ConfigNode> {
  const { LineCounter, isAlias, isMap, isNode, isScalar, isSeq, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument<Node, true>(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number | undefined): number => Math.max(1, lines.linePos(offset ?? 0).line);
  const refuseAt = (line: number, clause: string): never => {
    throw new AgentError('config', `${path}:${line}: ${clause}`);
  };
  const problem = document.errors[0];
  if (problem !== undefined) refuseAt(lineAt(problem.pos[0]), problem.message);

  const toNode = (node: unknown, line: number, depth: number): ConfigNode => {
    if (depth > MAX_DEPTH) return refuseAt(line, 'is nested too deeply');
    if (node === null || node === undefined) return { line, value: null };
    if (isAlias(node)) return refuseAt(line, 'anchors and aliases are not supported: write the value out');
    if (isMap(node)) {
      const map = new Map<string, ConfigNode>();
      for (const { key, value } of node.items) {
        const at = isScalar(key) ? lineAt(key.range?.[0]) : line;
        if (!isScalar(key) || typeof key.value !== 'string') return refuseAt(at, 'a key must be text');
        map.set(key.value, toNode(value, at, depth + 1));
      }
      return { line, value: map };
    }
    if (isSeq(node)) {
      const lineOf = (item: unknown): number => (isNode(item) ? lineAt(item.range?.[0]) : line);
      return { line, value: node.items.map((item) => toNode(item, lineOf(item), depth + 1)) };
    }
    const value = isScalar(node) ? node.value : undefined;
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value))
      return { line, value: value as string | number | boolean | null };
    return refuseAt(line, 'must be text, a number, true, false, a list or a map');
  };
  return toNode(document.contents, 1, 0);
}
