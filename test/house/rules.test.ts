/** The rules of the house that neither compiler nor linter can see. Each is one entry of the list below. */
import { expect, test } from 'vitest';
import {
  bin,
  findLines,
  importsOf,
  pages,
  readText,
  type Source,
  src,
  tests,
  withoutComments,
} from './sources.ts';

/** What can be seen at a glance. */
const MAX_LINES = 350;

/** Layers without clock, chance, sockets or waiting. The linter denies them the globals; this finds the rest. */
const PURE_LAYERS =
  /^src\/(?:agent|base|catalog|checks|config|jobs|locality|model|partitions|replay|serf|sim|swim|wire)\//;
const IMPURE = /\bDate\.|\bnew Date\b(?!\(\w)|\bMath\.random\b|\bperformance\.|\bsetTimeout\b|\bawait\b/;
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
const BRITISH = /catalogue|neighbour|behaviour|colour|honour|licence\b/i;

/** Each rule gives its offenders, as one would point at them: `path:line what`. */
const RULES: Readonly<Record<string, () => readonly string[]>> = {
  'in the core, time, chance and waiting come from outside': () =>
    src
      .filter(({ path }) => PURE_LAYERS.test(path))
      .flatMap((source) => findLines(IMPURE, withoutComments(source))),

  'every source file opens with what lives there': () =>
    src.filter(({ path, text }) => path.endsWith('.ts') && !text.startsWith('/**')).map(({ path }) => path),

  'a file of src/ has 350 lines at most': () =>
    src.flatMap(({ path, text }) => {
      const lines = text.trimEnd().split('\n').length;
      return lines > MAX_LINES ? [`${path} has ${lines}`] : [];
    }),

  'no file knows the machine it was written on': () =>
    [...src, ...tests, ...bin, ...pages].flatMap((source) => findLines(MACHINE_PATH, source)),

  'nothing is left for later, silenced or singled out': () =>
    [...src, ...tests, ...bin].flatMap((source) => findLines(UNFINISHED, source)),

  'the spelling is American': () =>
    [...src, ...tests, ...bin, ...pages]
      .filter(({ path }) => path !== 'test/house/rules.test.ts')
      .flatMap((source) => findLines(BRITISH, source)),

  'no two exported names of src/ are spelled alike': () => {
    const files = new Map<string, Set<string>>();
    for (const { path, text } of src)
      for (const [, name = ''] of text.matchAll(
        /^export (?:async )?(?:const|function|class|interface|type) (\w+)/gm,
      ))
        files.set(name, (files.get(name) ?? new Set()).add(path));
    return [...files]
      .filter(([, paths]) => paths.size > 1)
      .map(([name, paths]) => `${name}: ${[...paths].join(' ')}`);
  },

  'a recording knows each kind of our own messages': () => {
    const redaction = readText('src/replay/redact-messages.ts');
    return src
      .filter(({ path }) => path.startsWith('src/wire/'))
      .flatMap(({ text }) => [...text.matchAll(/^export const (is\w+Type)\b/gm)].map(([, name = '']) => name))
      .filter((name) => redaction.split(name).length < 3); // imported, and used
  },

  'a user installs no other package, and no script of ours runs at an install': () => {
    const manifest = JSON.parse(readText('package.json')) as Readonly<Record<string, object | undefined>>;
    const names = (key: string): readonly string[] => Object.keys(manifest[key] ?? {});
    return [
      ...['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap(names),
      ...names('scripts').filter((name) => /^(?:pre|post)?install$/.test(name)),
    ];
  },
};

test.each(Object.entries(RULES))('%s', (_, offenders) => {
  expect(offenders()).toEqual([]);
});

test('the rules look at something', () => {
  expect(src.length).toBeGreaterThan(200);
  expect(tests.length).toBeGreaterThan(200);
  expect(src.filter(({ path }) => PURE_LAYERS.test(path)).flatMap(importsOf).length).toBeGreaterThan(500);
  const planted: Source = { path: 'a', text: "// await\nconst a = 'await';\nawait b; /* await */" };
  expect(findLines(IMPURE, withoutComments(planted))).toEqual(['a:3 await']);
});
