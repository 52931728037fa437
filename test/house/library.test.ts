/** The limits of the Node library: what every program loads that imports `hearsay/client`. */
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { importsOf, type Source, src, withoutComments } from './sources.ts';

const ENTRY = 'src/client/index.ts';
const MAX_BYTES = 15_000;
const MAX_LINES = 900;

test('it has less than 15 kB minified, with its adapters in chunks of their own, and imports no package', async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [ENTRY],
    ...{ bundle: true, minify: true, splitting: true, format: 'esm', platform: 'node', write: false },
    ...{ outdir: 'out', metafile: true, target: 'node20.19' },
  });
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { path: next, kind, external } of metafile.outputs[path]?.imports ?? [])
      if (kind === 'import-statement' && external !== true) load(next);
  };
  load(Object.keys(metafile.outputs).find((path) => path.endsWith('/index.js')) ?? '');
  const bytes = outputFiles
    .filter(({ path }) => [...loaded].some((one) => path.endsWith(`/${one}`)))
    .reduce((sum, { contents }) => sum + contents.length, 0);
  expect(bytes).toBeGreaterThan(5000);
  expect(bytes).toBeLessThan(MAX_BYTES);
  const inputs = [...loaded].flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {}));
  expect(inputs.filter((path) => /dispatcher|http-agent|grpc|node_modules/.test(path))).toEqual([]);
  expect(outputFiles.length).toBeGreaterThan(loaded.size); // the adapters
});

test('it has fewer than 900 lines of code, without imports and comments', () => {
  const library = src.filter(({ path }) => path.startsWith('src/client/'));
  const loaded = new Map<string, Source>();
  const load = (path: string): void => {
    const source = library.find((one) => one.path === path);
    if (source === undefined || loaded.has(path)) return;
    loaded.set(path, source);
    for (const { target, typeOnly, isDynamic } of importsOf(source))
      if (target !== undefined && !typeOnly && !isDynamic) load(target); // adapters are imported when asked for
  };
  load(ENTRY);
  const lines = [...loaded.values()].reduce((sum, source) => sum + codeLines(source), 0);
  expect(lines).toBeGreaterThan(500);
  expect(lines).toBeLessThan(MAX_LINES);
});

const codeLines = (source: Source): number =>
  withoutComments(source)
    .text.replace(/^(?:import|export) (?:type )?(?:\{[^}]*\} from|\* from) .*$/gm, '')
    .split('\n')
    .filter((line) => line.trim() !== '').length;
