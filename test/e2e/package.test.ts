/** What `npm pack` makes of the built program, and what installing it does to a user's machine. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VERSION } from '../../src/base/version.ts';

const run = promisify(execFile);
/** What the build makes of `src/`: programs, what users import, and its types. */
const BUILT =
  /^dist\/(?:chunks|cli|embed|client|client\/chunks)\/[^/]+\.js$|^dist\/ui\/[\w.]+$|^dist\/types\/[\w/-]+\.d\.ts$/;
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
  const paths = packed.files.map(({ path }) => path).filter((path) => !BUILT.test(path));
  expect(paths.sort()).toEqual(
    [
      'LICENSE',
      'README.md',
      'bin/hearsay.js',
      'dist/THIRD_PARTY_NOTICES',
      'dist/sbom.json',
      'package.json',
    ].sort(),
  );
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

test('what users import works from a module, from CommonJS by import(), and for the compiler', async () => {
  const project = join(dir, 'project');
  mkdirSync(project);
  const write = (name: string, text: string): void => writeFileSync(join(project, name), text);
  write('package.json', '{ "private": true }');
  const args = ['install', '--offline', '--no-audit', '--no-fund', join(dir, packed.filename)];
  await run('npm', args, { cwd: project });
  const names = ['client', 'client/undici', 'client/http', 'client/grpc', 'agent', 'testing'];
  const uses = 'connect,createDispatcher,ServiceHttpAgent,registerGrpcResolver,startAgent,createCluster';
  write(
    'module.mjs',
    `${names.map((name, i) => `import { ${uses.split(',')[i]} as f${i} } from 'hearsay/${name}';`).join('\n')}
     console.log([${names.map((_, i) => `typeof f${i}`)}].join());`,
  );
  write('common.cjs', "import('hearsay/client').then(({ connect }) => console.log(typeof connect));");
  const words = names.map(() => 'function').join();
  expect((await run(process.execPath, ['module.mjs'], { cwd: project })).stdout).toBe(`${words}\n`);
  expect((await run(process.execPath, ['common.cjs'], { cwd: project })).stdout).toBe('function\n');

  write(
    'typed.mts',
    `import { connect, type DiscoveredService } from 'hearsay/client';
     import { startAgent } from 'hearsay/agent';
     import { createCluster } from 'hearsay/testing';
     export const db: DiscoveredService = connect({ http: 'unix:///run/x' }).discover('db', { tag: 'primary' });
     export const port: number = db.pick({ key: 'k' }).port;
     export const virtual: DiscoveredService = createCluster({ hosts: ['a'] }).client('a').discover('db');
     export const http: string | undefined = (await startAgent({ node: 'a' })).http;
     // @ts-expect-error: a port is a number
     export const wrong: string = db.pick().port;`,
  );
  const types = join(process.cwd(), 'node_modules/@types');
  const tsc = join(process.cwd(), 'node_modules/.bin/tsc');
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--ignoreConfig'];
  await run(tsc, [...options, '--typeRoots', types, '--types', 'node', 'typed.mts'], { cwd: project });
});

test('publint finds nothing', async () => {
  const { stdout } = await run('npx', ['publint', '--strict', '--pack', 'npm']);
  expect(stdout).toContain('All good!');
});
