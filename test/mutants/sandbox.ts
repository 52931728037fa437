/** A copy of the project to which one mutant at a time is applied, and in which vitest runs. The sources stay untouched. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { applyMutant, type Mutant } from './mutant.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Folders that no test of the fast set reads. */
const EXCLUDED = new Set(['.git', 'node_modules', 'dist', 'coverage', join('test', 'mutants')]);

/** The result of a run of tests. */
export interface TestRun {
  readonly outcome: 'passed' | 'failed' | 'timedOut' | 'broken';
  /** The first test that failed, and its file below `test/`. */
  readonly test?: string;
  readonly file?: string;
  /** Why the run is broken, as vitest reports it. */
  readonly why?: string;
  /** Seconds that each file took, by its path below `test/`. */
  readonly took: ReadonlyMap<string, number>;
  readonly seconds: number;
}

const running = new Set<ChildProcess>();

/** Kills all vitest runs with their workers. */
export function endRuns(): void {
  for (const child of running) end(child);
}

function end(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The process has ended by itself.
  }
}

export class MutantSandbox {
  readonly #dir = mkdtempSync(join(tmpdir(), 'hearsay-mutants-'));

  constructor() {
    cpSync(ROOT, this.#dir, { recursive: true, filter: (path) => !EXCLUDED.has(relative(ROOT, path)) });
    // A folder of links instead of one link, so that the copy has a cache of vite of its own.
    const modules = join(this.#dir, 'node_modules');
    mkdirSync(modules);
    for (const name of readdirSync(join(ROOT, 'node_modules')))
      if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }

  /** Runs `work` with the mutant applied, and restores the copy afterwards. */
  async withMutant<T>(mutant: Mutant, work: () => Promise<T>): Promise<T> {
    const file = join(this.#dir, 'src', mutant.file);
    const original = readFileSync(file, 'utf8');
    writeFileSync(file, applyMutant(mutant, original));
    try {
      return await work();
    } finally {
      writeFileSync(file, original);
    }
  }

  /** Runs the tests of the fast set whose paths below `test/` begin with one of `paths`; `bail` ends the run at the first failure. */
  async run(paths: readonly string[], workers: number, capSeconds: number, bail = true): Promise<TestRun> {
    const report = join(this.#dir, 'report.json');
    rmSync(report, { force: true });
    const began = performance.now();
    const args = [
      '--project',
      'fast',
      '--project',
      'worlds',
      // Only the whole run has a time limit: on a busy machine a slow test is no sign of a bug.
      '--testTimeout',
      `${capSeconds * 1000}`,
      '--maxWorkers',
      `${workers}`,
      '--reporter',
      'json',
      '--outputFile',
      report,
    ];
    const child = spawn(
      process.execPath,
      [
        join('node_modules', 'vitest', 'vitest.mjs'),
        'run',
        ...args,
        ...(bail ? ['--bail', '1'] : []),
        ...paths.map((path) => `test/${path}`),
      ],
      { cwd: this.#dir, detached: true, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    running.add(child);
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-2000);
    });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      end(child);
    }, capSeconds * 1000);
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    clearTimeout(timer);
    running.delete(child);
    const seconds = (performance.now() - began) / 1000;
    if (timedOut) return { outcome: 'timedOut', took: new Map(), seconds };
    return { ...this.#read(report, code, stderr), seconds };
  }

  close(): void {
    // Workers that were just killed may still hold files.
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }

  #read(report: string, code: number | null, stderr: string): Omit<TestRun, 'seconds'> {
    let results: readonly FileResult[];
    try {
      results = (JSON.parse(readFileSync(report, 'utf8')) as { testResults: readonly FileResult[] })
        .testResults;
    } catch {
      return { outcome: 'broken', why: stderr.trim(), took: new Map() };
    }
    const testPath = (name: string): string => relative(join(this.#dir, 'test'), name).replaceAll('\\', '/');
    const took = new Map(
      results.map(({ name, startTime, endTime }) => [testPath(name), (endTime - startTime) / 1000]),
    );
    for (const { name, assertionResults } of results) {
      const failed = assertionResults.find(({ status }) => status === 'failed');
      if (failed !== undefined)
        return { outcome: 'failed', test: failed.fullName, file: testPath(name), took };
    }
    // A file that cannot be loaded shows only that the mutant does not compile.
    const unread = results.find(({ status }) => status === 'failed');
    if (code === 0 && results.length > 0 && unread === undefined) return { outcome: 'passed', took };
    return { outcome: 'broken', why: unread?.message ?? stderr.trim(), took };
  }
}

interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly startTime: number;
  readonly endTime: number;
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
}
