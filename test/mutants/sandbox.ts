/** A copy of the project in which one mutant lives at a time, and vitest runs against it. The sources stay untouched. */
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
/** What no test of the fast set reads: history, what is built, and these very lists. */
const LEFT_OUT = new Set(['.git', 'node_modules', 'dist', 'coverage', join('test', 'mutants')]);

/** What a run of tests came to. */
export interface TestRun {
  readonly outcome: 'passed' | 'failed' | 'timedOut' | 'broken';
  /** The first test that failed, and its file below `test/`. */
  readonly test?: string;
  readonly file?: string;
  /** Why it is broken, in the words of vitest. */
  readonly why?: string;
  /** Seconds each file took, by its path below `test/`. */
  readonly took: ReadonlyMap<string, number>;
  readonly seconds: number;
}

const running = new Set<ChildProcess>();

/** Ends whatever vitest runs are under way, with all their workers. */
export function endRuns(): void {
  for (const child of running) end(child);
}

function end(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

export class MutantSandbox {
  readonly #dir = mkdtempSync(join(tmpdir(), 'hearsay-mutants-'));

  constructor() {
    cpSync(ROOT, this.#dir, { recursive: true, filter: (path) => !LEFT_OUT.has(relative(ROOT, path)) });
    // A folder of links instead of one link, so that what vite keeps there is this copy's own.
    const modules = join(this.#dir, 'node_modules');
    mkdirSync(modules);
    for (const name of readdirSync(join(ROOT, 'node_modules')))
      if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }

  /** Runs with the mutant in the copy; afterwards the copy is as it was. */
  async withMutant<T>(mutant: Mutant, work: () => Promise<T>): Promise<T> {
    const file = join(this.#dir, 'src', mutant.file);
    const healthy = readFileSync(file, 'utf8');
    writeFileSync(file, applyMutant(mutant, healthy));
    try {
      return await work();
    } finally {
      writeFileSync(file, healthy);
    }
  }

  /** Runs tests of the fast set whose paths below `test/` begin with one of `paths`, up to the first that fails. */
  async run(paths: readonly string[], workers: number, capSeconds: number, bail = true): Promise<TestRun> {
    const report = join(this.#dir, 'report.json');
    rmSync(report, { force: true });
    const began = performance.now();
    const args = [
      '--project',
      'fast',
      '--project',
      'worlds',
      // The cap is the one limit: on a busy machine a slow test is no sign of a bug.
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
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000);
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      end(child);
    }, capSeconds * 1000);
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    clearTimeout(timer);
    running.delete(child);
    const seconds = (performance.now() - began) / 1000;
    if (late) return { outcome: 'timedOut', took: new Map(), seconds };
    return { ...this.#read(report, code, said), seconds };
  }

  close(): void {
    // Workers that were just ended may still hold a file or two.
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }

  #read(report: string, code: number | null, said: string): Omit<TestRun, 'seconds'> {
    let results: readonly FileResult[];
    try {
      results = (JSON.parse(readFileSync(report, 'utf8')) as { testResults: readonly FileResult[] })
        .testResults;
    } catch {
      return { outcome: 'broken', why: said.trim(), took: new Map() };
    }
    const below = (name: string): string => relative(join(this.#dir, 'test'), name).replaceAll('\\', '/');
    const took = new Map(
      results.map(({ name, startTime, endTime }) => [below(name), (endTime - startTime) / 1000]),
    );
    for (const { name, assertionResults } of results) {
      const failed = assertionResults.find(({ status }) => status === 'failed');
      if (failed !== undefined) return { outcome: 'failed', test: failed.fullName, file: below(name), took };
    }
    // A file that cannot even be read proves nothing about the mutant but that it does not compile.
    const unread = results.find(({ status }) => status === 'failed');
    if (code === 0 && results.length > 0 && unread === undefined) return { outcome: 'passed', took };
    return { outcome: 'broken', why: unread?.message ?? said.trim(), took };
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
