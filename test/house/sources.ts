/** The files of the project as the rules of the house read them: as text, with their imports. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Source {
  /** From the root of the project, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  /** The importing file. */
  readonly path: string;
  /** As it is written: a package, `node:x` or a relative path. */
  readonly specifier: string;
  /** The imported file, for a relative path. */
  readonly target: string | undefined;
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean;
  /** By a call, when it is first needed. */
  readonly isDynamic: boolean;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TEXT_FILE = /\.(?:[cm]?[jt]sx?|json|md|html|css|ya?ml|txt|sh)$/;

export const src = readFolder('src');
export const tests = readFolder('test');
export const bin = readFolder('bin');
/** Documents, and the files of the top level. */
export const pages = [...readFolder('docs'), ...readTopLevel()];

export const readText = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Static imports and re-exports, and dynamic ones with a literal. */
export function importsOf({ path, text }: Source): Import[] {
  const statics = /^(?:import|export)\s+(type\s+)?(?:[\w*{][^;'"]*?\s+from\s+)?['"]([^'"]+)['"]/gm;
  const dynamics = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
  const toImport = (specifier: string, kind: 'type' | 'value' | 'call'): Import => ({
    path,
    specifier,
    target: specifier.startsWith('.') ? posix.normalize(posix.join(dirname(path), specifier)) : undefined,
    typeOnly: kind === 'type',
    isDynamic: kind === 'call',
  });
  return [
    ...[...text.matchAll(statics)].map((match) =>
      toImport(match[2] as string, match[1] === undefined ? 'value' : 'type'),
    ),
    ...[...text.matchAll(dynamics)].map((match) => toImport(match[1] as string, 'call')),
  ];
}

/** The same lines without comments and without the inside of plain strings. */
export function withoutComments({ path, text }: Source): Source {
  const blank = (match: string): string => match.replace(/[^\n]/g, ' ');
  return {
    path,
    text: text.replace(/\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|(?<![:\\])\/\/[^\n]*/g, blank),
  };
}

/** Comments and string literals, whichever begins first. */
const TOKEN =
  /\/\*[\s\S]*?\*\/|(?<![:\\])\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"/g;

/** The text of the literals, on their lines; comments are for readers of the code. */
export function literalsOf(text: string): string {
  let only = '';
  let end = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    only += text.slice(end, index).replace(/[^\n]/g, ' ');
    only += token.startsWith('/') ? token.replace(/[^\n]/g, ' ') : token;
    end = index + token.length;
  }
  return only;
}

/** Each match as one would point at it: `path:line what`. */
export function findLines(pattern: RegExp, { path, text }: Source): string[] {
  return text.split('\n').flatMap((line, i) => {
    const match = pattern.exec(line);
    return match === null ? [] : [`${path}:${i + 1} ${match[0]}`];
  });
}

function readFolder(folder: string): Source[] {
  const start = join(ROOT, folder);
  return readdirSync(start, { recursive: true, encoding: 'utf8' })
    .map((name) => join(start, name))
    .filter((file) => TEXT_FILE.test(file) && statSync(file).isFile())
    .map(readSource);
}

function readTopLevel(): Source[] {
  return readdirSync(ROOT)
    .filter((name) => /\.(?:ts|json|md|ya?ml)$/.test(name) && name !== 'package-lock.json')
    .map((name) => readSource(join(ROOT, name)));
}

function readSource(file: string): Source {
  return { path: relative(ROOT, file).split(sep).join('/'), text: readFileSync(file, 'utf8') };
}
