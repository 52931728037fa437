/**
 * What a run leaves out, at its end: files of projects that were not selected, tests whose programs are not installed, and tests
 * that needed a retry. A test that is listed in `.ci/retried` needed one before: if it does again, the run fails.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

const RETRIED_BEFORE = '.ci/retried';

export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const lines = [...describeLeftOut(modules), ...describeSkipped(tests), ...describeRetried(tests)];
    if (lines.length > 0) console.log(`\n${lines.join('\n')}`);
  }
}

/** Only where whole folders were run: who names a file knows what is left out. */
function describeLeftOut(modules: readonly TestModule[]): string[] {
  const ran = new Set(modules.map(({ moduleId }) => relative(process.cwd(), moduleId)));
  const missing = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name))
    .filter((path) => !ran.has(path));
  if (ran.size < missing.length || missing.length === 0) return [];
  const counts = new Map<string, number>();
  for (const path of missing) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  const folders = [...counts].map(([folder, count]) => `${count} of ${folder}`).join(', ');
  return [`Left out: ${missing.length} files (${folders}). \`npm run test:all\` runs them, too.`];
}

function describeSkipped(tests: readonly TestCase[]): string[] {
  const skipped = tests.filter((test) => test.result().state === 'skipped').length;
  return skipped === 0
    ? []
    : [
        `Skipped: ${skipped} tests, since programs they need are not installed. \`bash .ci/run\` installs them (Debian).`,
      ];
}

function describeRetried(tests: readonly TestCase[]): string[] {
  const retried = tests.filter((test) => test.diagnostic()?.flaky === true).map(nameOf);
  const before = new Set(readFileSync(RETRIED_BEFORE, 'utf8').split('\n'));
  const again = retried.filter((name) => before.has(name));
  if (again.length > 0) process.exitCode = 1;
  return [
    ...retried
      .filter((name) => !before.has(name))
      .map((name) => `Needed a retry: ${name}. Mend it, or list it in ${RETRIED_BEFORE}.`),
    ...again.map((name) => `FAILED: it needed a retry before, and does again: ${name}`),
  ];
}

const nameOf = (test: TestCase): string => `${test.module.relativeModuleId} > ${test.fullName}`;
