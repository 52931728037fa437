/** What `npm pack` makes of the built program, and what installing it does to a user's machine. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VERSION } from '../../src/base/version.ts';

const run = promisify(execFile);
/** The tarball has 0.6 MB; half as much again is a question to be asked. */
const MAX_PACKED_BYTES = 900_000;

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

let dir = '';
let packed: Packed;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-package-'));
  // Without scripts: another test may be running what `prepack` would build anew.
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', dir];
  // npm 11 prints a list, npm 12 an object by name.
  const report: Packed[] = Object.values(JSON.parse(execFileSync('npm', args, { encoding: 'utf8' })));
  packed = report[0] as Packed;
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('the tarball holds the built program, its notices and its bill of materials, and no more', () => {
  const paths = packed.files
    .map(({ path }) => path)
    .filter((path) => !/^dist\/(?:chunks|cli)\/[^/]+\.js$/.test(path));
  expect(paths.sort()).toEqual([
    'LICENSE',
    'README.md',
    'bin/hearsay.js',
    'dist/THIRD_PARTY_NOTICES',
    'dist/sbom.json',
    'package.json',
  ]);
  expect(packed.files.map(({ path }) => path)).toContain('dist/cli/index.js');
  expect(packed.size).toBeLessThan(MAX_PACKED_BYTES);
});

test('it installs as one package, runs no script, and works', async () => {
  const prefix = join(dir, 'global');
  const args = ['install', '--global', '--prefix', prefix, '--offline', '--no-audit', '--no-fund', '--json'];
  // Whatever npm runs at an install says so: a script that builds would fail, for its tools are not there.
  const { stdout } = await run('npm', [...args, '--foreground-scripts', join(dir, packed.filename)]);
  expect(JSON.parse(stdout)).toMatchObject({ added: 1, removed: 0 });
  expect(readdirSync(join(prefix, 'lib/node_modules'))).toEqual(['hearsay']);
  expect(readdirSync(join(prefix, 'lib/node_modules/hearsay')).sort()).toEqual([
    'LICENSE',
    'README.md',
    'bin',
    'dist',
    'package.json',
  ]);
  const program = join(prefix, 'bin/hearsay');
  const { stdout: version } = await run(program, ['version'], { cwd: dir });
  expect(version).toBe(`hearsay ${VERSION}\n`);
  // Reads YAML, which was a package of its own.
  const { stdout: check } = await run(program, ['config', 'check', writeSettings()], {
    cwd: dir,
  });
  expect(check).toContain('no problems found');
});

function writeSettings(): string {
  const path = join(dir, 'agent.yaml');
  writeFileSync(path, 'node: packed\n');
  return path;
}

test('publint finds nothing', async () => {
  const { stdout } = await run('npx', ['publint', '--strict', '--pack', 'npm']);
  expect(stdout).toContain('All good!');
});
