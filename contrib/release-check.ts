/**
 * `npm run release:check [-- --since COMMIT] [--quick | --only STEP]`: what must hold before a version is tagged. Each step is a command
 * of its own, all are run, and the end says which failed. What cannot be tried here has failed, too. `--since` names the last release
 * where it has no tag; `--quick` leaves out what takes longer than some minutes.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { VERSION } from '../src/base/version.ts';
import { lastRelease } from './older-build.ts';
import {
  billProblem,
  changelogProblem,
  licenseProblem,
  manifestProblem,
  versionProblem,
} from './release/checks.ts';

interface Step {
  /** For `--only`. */
  readonly key: string;
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
const read = (path: string): string => readFileSync(path, 'utf8');
const json = <T>(path: string): T => JSON.parse(read(path)) as T;
const versionOf = (path: string): string => json<{ version: string }>(path).version;

function optionOf(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : (process.argv[at + 1] ?? '');
}

const since = optionOf('--since') ?? lastRelease();
/** Runs what compares with the last release. */
const withLast = (compare: (release: string) => string | undefined): string | undefined =>
  since === undefined || since === ''
    ? 'there is no tag of an earlier release: name its commit by --since COMMIT'
    : compare(since);

const STEPS: readonly Step[] = [
  { key: 'tree', name: 'the tree is clean', run: () => command('git', 'diff', '--quiet', 'HEAD') },
  {
    key: 'versions',
    name: 'versions agree',
    run: () =>
      versionProblem(
        Object.fromEntries(['package.json', 'package-lock.json'].map((path) => [path, versionOf(path)])),
        VERSION,
      ),
  },
  { key: 'changelog', name: 'changelog', run: () => changelogProblem(read('CHANGELOG.md'), VERSION) },
  { key: 'check', name: 'format, lint, types, unit tests', run: () => npm('check') },
  { key: 'build', name: 'build', run: () => npm('build') },
  { key: 'licenses', name: 'licenses of what is bundled', run: () => licenseProblem(json('dist/sbom.json')) },
  {
    key: 'sbom',
    name: 'bill of materials and notices',
    run: () => billProblem(json('dist/sbom.json'), read('dist/THIRD_PARTY_NOTICES'), VERSION),
  },
  {
    key: 'package',
    name: 'contents of the npm package',
    run: () =>
      manifestProblem(json('package.json')) ??
      command('npx', 'vitest', 'run', '--project', 'real', 'test/e2e/package.test.ts'),
  },
  {
    key: 'upgrade',
    name: 'upgrade from the last release, in one cluster',
    run: () => withLast((release) => npm('upgrade:check', '--', release)),
  },
  { key: 'installs', name: 'four installs', run: () => npm('install:check') },
  { key: 'tests', name: 'all tests', isLong: true, run: () => npm('test:all') },
  {
    key: 'bench',
    name: 'benchmarks beside the last release',
    isLong: true,
    run: () => withLast((release) => npm('bench', '--', '--compare', release)),
  },
];

interface Result {
  readonly name: string;
  readonly problem: string | undefined;
  readonly seconds: number;
}

function runStep({ name, run }: Step): Result {
  console.log(`\n== ${name}`);
  const startedAt = performance.now();
  let problem: string | undefined;
  try {
    problem = run();
  } catch (error) {
    problem = (error as Error).message; // a file that is not there, for one
  }
  return { name, problem, seconds: Math.round((performance.now() - startedAt) / 1000) };
}

const quick = process.argv.includes('--quick');
const only = optionOf('--only');
const chosen = STEPS.filter(({ key, isLong }) => (only === undefined ? !(quick && isLong) : key === only));
if (chosen.length === 0) {
  console.error(`there is no step "${only}"; the steps are ${STEPS.map(({ key }) => key).join(', ')}`);
  process.exitCode = 2;
} else {
  const results = chosen.map(runStep);
  console.log(`\nhearsay ${VERSION}, since ${since ?? 'nothing'}`);
  for (const { name, problem, seconds } of results)
    console.log(
      `${problem === undefined ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)${problem === undefined ? '' : `: ${problem}`}`,
    );
  const left = STEPS.filter((step) => !chosen.includes(step)).map(({ key }) => key);
  if (left.length > 0) console.log(`left out: ${left.join(', ')}`);
  process.exitCode = results.some(({ problem }) => problem !== undefined) ? 1 : 0;
}
