/** The rules of the house that neither compiler nor linter can see. Each is one entry of the list below. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

interface Source {
  /** From the root of the project, with `/`. */
  readonly path: string;
  readonly text: string;
}

const MAX_LINES = 400;
/** Rooms without clock, chance, sockets or waiting: all below floor 5, the simulator and the replay. */
const PURE_ROOMS = ['base', 'wire', 'config', 'swim', 'catalog', 'checks', 'serf', 'agent', 'sim', 'replay'];
const IMPURE = /\bDate\.|\bnew Date\b|\bMath\.random\b|\bperformance\.|\bsetTimeout\b|\bawait\b/;
/** Spelled in parts, so that this file does not offend. */
const UNFINISHED = new RegExp(
  [
    'TO' + 'DO',
    'FIX' + 'ME',
    'XX' + 'X',
    'HA' + 'CK',
    '@ts-' + 'ignore',
    'biome-' + 'ignore',
    '\\.on' + 'ly\\(',
  ].join('|'),
);
const MACHINE_PATH = new RegExp(['/wo' + 'rk/', '/tmp/' + 'brief'].join('|'));

const root = fileURLToPath(new URL('..', import.meta.url));
const src = sourcesIn('src');
const tests = sourcesIn('test');
const bin = sourcesIn('bin');
const pages = [...sourcesIn('docs'), ...topLevel()];

/** Each rule gives its offenders, as one would point at them: `path:line what`. */
const RULES: Readonly<Record<string, () => readonly string[]>> = {
  'serf/ knows swim/ by its types alone': () =>
    src
      .filter(({ path }) => path.startsWith('src/serf/'))
      .flatMap((source) =>
        importsOf(source).filter(({ from, typeOnly }) => from.includes('/swim/') && !typeOnly),
      )
      .map(({ path, from }) => `${path} ${from}`),

  'below floor 5, in sim/ and in replay/ time, chance and waiting come from outside': () =>
    src
      .filter(({ path }) => PURE_ROOMS.includes(roomOf(path)))
      .flatMap((source) => find(IMPURE, bare(source))),

  [`no file is longer than ${MAX_LINES} lines`]: () =>
    [...src, ...tests]
      .filter(({ path }) => /\.[cm]?[jt]s$/.test(path))
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > MAX_LINES)
      .map(({ path, lines }) => `${path} has ${lines}`),

  'every source file opens with what lives there': () =>
    src.filter(({ path, text }) => path.endsWith('.ts') && !text.startsWith('/**')).map(({ path }) => path),

  'no file knows the machine it was written on': () =>
    [...src, ...tests, ...bin, ...pages].flatMap((source) => find(MACHINE_PATH, source)),

  'nothing is left for later, silenced or singled out': () =>
    [...src, ...tests, ...bin].flatMap((source) => find(UNFINISHED, source)),

  'every dependency is used by the program': () => {
    const used = new Set([...src, ...bin].flatMap(importsOf).map(({ from }) => packageOf(from)));
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    return Object.keys(dependencies).filter((name) => !used.has(name));
  },
};

test.each(Object.entries(RULES))('%s', (_, offenders) => {
  expect(offenders()).toEqual([]);
});

test('the rules look at something', () => {
  expect(src.length).toBeGreaterThan(20);
  expect(tests.length).toBeGreaterThan(20);
  expect(
    src.filter(({ path }) => PURE_ROOMS.includes(roomOf(path))).flatMap(importsOf).length,
  ).toBeGreaterThan(50);
  expect(
    find(IMPURE, bare({ path: 'a', text: "// await\nconst a = 'await';\nawait b; /* await */" })),
  ).toEqual(['a:3 await']);
});

function sourcesIn(folder: string): Source[] {
  const start = join(root, folder);
  if (!existsSync(start)) return [];
  return readdirSync(start, { recursive: true, encoding: 'utf8' })
    .map((name) => join(start, name))
    .filter(
      (file) => /\.(?:[cm]?[jt]sx?|json|md|html|css|ya?ml|txt|sh)$/.test(file) && statSync(file).isFile(),
    )
    .map(sourceOf);
}

function topLevel(): Source[] {
  return readdirSync(root)
    .filter((name) => /\.(?:ts|json|md|ya?ml)$/.test(name) && name !== 'package-lock.json')
    .map((name) => sourceOf(join(root, name)));
}

function sourceOf(file: string): Source {
  return { path: relative(root, file).split(sep).join('/'), text: readFileSync(file, 'utf8') };
}

const roomOf = (path: string): string => path.split('/')[1] as string;

/** The same lines without comments and without the inside of plain strings. */
function bare({ path, text }: Source): Source {
  const blank = (match: string): string => match.replace(/[^\n]/g, ' ');
  return {
    path,
    text: text.replace(/\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|(?<![:\\])\/\/[^\n]*/g, blank),
  };
}

function find(pattern: RegExp, { path, text }: Source): string[] {
  return text.split('\n').flatMap((line, i) => {
    const match = pattern.exec(line);
    return match === null ? [] : [`${path}:${i + 1} ${match[0]}`];
  });
}

interface Import {
  readonly path: string;
  readonly from: string;
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean;
}

/** Static imports and re-exports, and dynamic ones with a literal. */
function importsOf({ path, text }: Source): Import[] {
  const statics = /^(?:import|export)\s+(type\s+)?(?:[\w*{][^;'"]*?\s+from\s+)?['"]([^'"]+)['"]/gm;
  const dynamics = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
  return [
    ...[...text.matchAll(statics)].map((match) => ({
      path,
      from: match[2] as string,
      typeOnly: match[1] !== undefined,
    })),
    ...[...text.matchAll(dynamics)].map((match) => ({ path, from: match[1] as string, typeOnly: false })),
  ];
}

/** `@fast-check/vitest/worker` is of the package `@fast-check/vitest`. */
const packageOf = (from: string): string =>
  from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/');
