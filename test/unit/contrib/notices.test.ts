import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { bundledPackages } from '../../../contrib/build/bundle.ts';
import { noticeOf, noticesOf } from '../../../contrib/build/notices.ts';
import { billOfMaterials } from '../../../contrib/build/sbom.ts';

const metafile = (...inputs: readonly string[]): Metafile => ({
  inputs: Object.fromEntries(inputs.map((path) => [path, { bytes: 1, imports: [] }])),
  outputs: {},
});

test('S27 the bundled packages are those with sources among the inputs of any bundle, each once', () => {
  expect(
    bundledPackages([
      metafile('src/main.ts', 'node_modules/pump/index.js', 'node_modules/pump/lib/x.js'),
      metafile('node_modules/@pinojs/redact/index.js', 'node_modules/pump/index.js'),
      metafile('../main/node_modules/pino/node_modules/pump/index.js'),
    ]),
  ).toEqual([
    '../main/node_modules/pino/node_modules/pump',
    'node_modules/@pinojs/redact',
    'node_modules/pump',
  ]);
});

test('S27 a notice has the name, the license and its text; a package without one must not be bundled', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-notices-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const make = (name: string, files: Record<string, string>): string => {
    const at = join(folder, name);
    mkdirSync(at);
    writeFileSync(join(at, 'package.json'), JSON.stringify({ name, version: '1.2.3', license: 'ISC' }));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(at, file), text);
    return at;
  };
  expect(noticeOf(make('a', { 'LICENSE.md': 'Copyright A\n' }))).toBe('a 1.2.3 (ISC)\n\nCopyright A');
  expect(noticeOf(make('b', { COPYING: 'B', NOTICE: 'N' }))).toBe('b 1.2.3 (ISC)\n\nB\n\nN');
  expect(noticesOf([join(folder, 'a'), join(folder, 'b')])).toMatch(
    /a 1\.2\.3[\s\S]*Copyright A[\s\S]*b 1\.2\.3/,
  );
  expect(() => noticeOf(make('c', { 'readme.md': 'x' }))).toThrow('c has no license file');
});

test('S27 the bill of materials names each bundled package with its version, license and hash', () => {
  const { components } = billOfMaterials(['node_modules/commander']) as { components: object[] };
  expect(components).toEqual([
    {
      type: 'library',
      name: 'commander',
      version: expect.stringMatching(/^14\./),
      purl: expect.stringMatching(/^pkg:npm\/commander@14\./),
      licenses: [{ license: { id: 'MIT' } }],
      hashes: [{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) }],
    },
  ]);
});
