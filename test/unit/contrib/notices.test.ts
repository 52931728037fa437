import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bundledPackages, noticeOf } from '../../../contrib/notices.ts';

test('S27 the bundled packages are those with sources among the inputs, each once', () => {
  expect(
    bundledPackages([
      'src/main.ts',
      'node_modules/pump/index.js',
      'node_modules/pump/lib/x.js',
      'node_modules/@pinojs/redact/index.js',
      '../main/node_modules/pino/node_modules/pump/index.js',
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
  expect(() => noticeOf(make('c', { 'readme.md': 'x' }))).toThrow('c has no license file');
});
