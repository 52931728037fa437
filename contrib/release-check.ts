/**
 * `npm run release:check [-- --quick]`: what must hold before a version is tagged. Each step is a command of its own, all are run, and
 * the end says which failed. `--quick` leaves out those that take longer than a few minutes.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { VERSION } from '../src/base/version.ts';

interface Step {
  readonly name: string;
  readonly isLong?: boolean;
  /** What is wrong; `undefined`: nothing. */
  run(): string | undefined;
}

function command(program: string, ...args: readonly string[]): string | undefined {
  const { status, signal } = spawnSync(program, args, { stdio: 'inherit' });
  return status === 0 ? undefined : `${[program, ...args].join(' ')}: ${signal ?? `exit code ${status}`}`;
}

const npm = (script: string, ...args: readonly string[]): string | undefined =>
  command('npm', 'run', script, ...args);
const vitest = (file: string): string | undefined =>
  command('npx', 'vitest', 'run', '--project', 'real', file);
const read = (path: string): string => readFileSync(path, 'utf8');

/** The newest section of the changelog is that of this version, and it says something. */
function checkChangelog(): string | undefined {
  const [, heading = '', text = ''] =
    /^## (.+)\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(read('CHANGELOG.md')) ?? [];
  if (heading !== VERSION) return `CHANGELOG.md begins with "${heading}", not with "${VERSION}"`;
  return /^[-*] /m.test(text) ? undefined : `CHANGELOG.md says nothing about ${VERSION}`;
}

/** One number in three files. */
function checkVersions(): string | undefined {
  for (const path of ['package.json', 'package-lock.json']) {
    const { version } = JSON.parse(read(path)) as { version: string };
    if (version !== VERSION) return `${path} has version ${version}, src/base/version.ts ${VERSION}`;
  }
  return undefined;
}

/** Each bundled package has a license that the bill of materials names, and none that asks for our source. */
function checkLicenses(): string | undefined {
  const { components } = JSON.parse(read('dist/sbom.json')) as {
    components: { name: string; licenses: { license: { id: string } }[] }[];
  };
  const allowed = /^(?:MIT|ISC|BSD-[23]-Clause|Apache-2\.0|0BSD)$/;
  const refused = components.filter(
    ({ licenses }) => !licenses.some(({ license }) => allowed.test(license.id)),
  );
  return refused.length === 0
    ? undefined
    : `licenses to look at: ${refused.map(({ name }) => name).join(', ')}`;
}

const STEPS: readonly Step[] = [
  { name: 'the tree is clean', run: () => command('git', 'diff', '--quiet', 'HEAD') },
  { name: 'versions agree', run: checkVersions },
  { name: 'changelog', run: checkChangelog },
  { name: 'format, lint, types, unit tests', run: () => npm('check') },
  { name: 'build', run: () => npm('build') },
  { name: 'licenses of what is bundled', run: checkLicenses },
  { name: 'contents of the npm package', run: () => vitest('test/e2e/package.test.ts') },
  { name: 'upgrade from the last version', run: () => npm('upgrade:check') },
  { name: 'four installs', run: () => npm('install:check') },
  { name: 'all tests', isLong: true, run: () => npm('test:all') },
  { name: 'benchmarks', isLong: true, run: () => npm('bench', '--', '--short') },
];

const quick = process.argv.includes('--quick');
const results = STEPS.filter(({ isLong }) => !(quick && isLong === true)).map(({ name, run }) => {
  console.log(`\n== ${name}`);
  return { name, problem: run() };
});
console.log(`\nhearsay ${VERSION}`);
for (const { name, problem } of results)
  console.log(
    `${problem === undefined ? 'ok    ' : 'FAILED'}  ${name}${problem === undefined ? '' : `: ${problem}`}`,
  );
if (quick) console.log('left out: the long steps');
process.exitCode = results.some(({ problem }) => problem !== undefined) ? 1 : 0;
