/** Tests one mutant: with the tests that should kill it, then with those of its layer, then with the whole fast set. */
import { type Layer, type Mutant, mutantLayer } from './mutant.ts';
import type { MutantSandbox, TestRun } from './sandbox.ts';

/** The result of a mutant. `timedOut`: the tests did not end within their limit. */
export interface MutantResult {
  readonly mutant: Mutant;
  readonly outcome: 'killed' | 'timedOut' | 'survived' | 'broken';
  /** File and name of the test that killed it. */
  readonly by?: string;
  /** That test is one of those that should kill it. */
  readonly expected: boolean;
  readonly why?: string;
  readonly seconds: number;
}

/** The tests of each layer, below `test/`. */
const TESTS_BY_LAYER: Readonly<Record<Layer, readonly string[]>> = {
  wire: ['unit/wire', 'property/wire', 'golden'],
  swim: ['unit/swim', 'property/swim', 'story'],
  serf: ['unit/serf', 'property/serf', 'story'],
  locality: ['unit/locality', 'unit/agent/readers', 'story/availability-zones'],
  catalog: ['unit/catalog', 'property/catalog', 'story/services'],
  agent: ['unit/agent', 'property/catalog.agents', 'story'],
  checks: ['unit/checks', 'story/services'],
  jobs: ['unit/jobs', 'property/jobs', 'story/jobs'],
  partitions: ['unit/partitions', 'property/partitions', 'story/partitions'],
  shell: ['unit/shell', 'unit/cli'],
  http: ['unit/http'],
  dns: ['unit/dns'],
  rpc: ['unit/rpc'],
  register: ['unit/register'],
  sync: ['unit/sync', 'unit/cli', 'property/haproxy-sync', 'property/template'],
};
const FAST = ['unit', 'property', 'golden', 'story', 'house.test.ts'];
const SWARM = ['swarm'];

/** A run may take this many times as long as without the mutant … */
const PATIENCE = 5;
/** … and this many seconds in addition. */
const MIN_TIME_LIMIT = 60;
/** Seconds that a run without a mutant may take. */
const BASELINE_TIME_LIMIT = 1800;

export const testStages = (mutant: Mutant): readonly (readonly string[])[] => {
  const layer = mutantLayer(mutant);
  return [mutant.expectedTests, layer === undefined ? FAST : TESTS_BY_LAYER[layer], FAST, SWARM];
};

/** How long the tests take without a mutant. Throws if they fail: then no mutant can be judged. */
export class Baseline {
  readonly #took = new Map<string, number>();
  readonly #measured = new Set<string>();

  async measure(sandbox: MutantSandbox, paths: readonly string[], workers: number): Promise<TestRun> {
    const run = await sandbox.run(paths, workers, BASELINE_TIME_LIMIT, false);
    if (run.outcome !== 'passed')
      throw new Error(
        `without any mutant the tests are ${run.outcome}: ${run.file ?? ''} ${run.test ?? run.why ?? ''}`,
      );
    for (const [file, seconds] of run.took) this.#took.set(file, seconds);
    for (const path of paths) this.#measured.add(path);
    return run;
  }

  /** The paths that were not measured yet. */
  missing(paths: readonly string[]): readonly string[] {
    return paths.filter((path) => !this.#measured.has(path));
  }

  /** Seconds after which a run of these tests counts as timed out. */
  timeLimit(paths: readonly string[]): number {
    let baseline = 0;
    for (const [file, seconds] of this.#took)
      if (paths.some((path) => file.startsWith(path))) baseline += seconds;
    return MIN_TIME_LIMIT + PATIENCE * baseline;
  }
}

/** Tests one mutant, `workers` test files at a time; `quick`: only with the tests that it names. */
export async function testMutant(
  mutant: Mutant,
  sandbox: MutantSandbox,
  baseline: Baseline,
  { workers, quick }: { readonly workers: number; readonly quick: boolean },
): Promise<MutantResult> {
  const start = performance.now();
  const toResult = (
    outcome: MutantResult['outcome'],
    run: TestRun | undefined,
    expected: boolean,
  ): MutantResult => ({
    mutant,
    outcome,
    expected,
    ...(run?.file === undefined ? {} : { by: `${run.file}: ${run.test ?? ''}` }),
    ...(run?.why === undefined ? {} : { why: run.why }),
    seconds: (performance.now() - start) / 1000,
  });
  for (const [stage, paths] of testStages(mutant)
    .slice(0, quick ? 1 : undefined)
    .entries()) {
    const missing = baseline.missing(paths);
    if (missing.length > 0) await baseline.measure(sandbox, missing, workers);
    const run = await sandbox.withMutant(mutant, () =>
      sandbox.run(paths, workers, baseline.timeLimit(paths)),
    );
    const expected = stage === 0;
    if (run.outcome === 'broken') return toResult('broken', run, expected);
    if (run.outcome === 'timedOut') return toResult('timedOut', run, expected);
    if (run.outcome === 'passed') continue;
    if (expected) return toResult('killed', run, expected);
    // Tests with real sockets may fail by themselves on a busy machine: an unexpected one must fail twice.
    const again = [run.file ?? ''];
    const second = await sandbox.withMutant(mutant, () =>
      sandbox.run(again, workers, baseline.timeLimit(again)),
    );
    if (second.outcome === 'failed') return toResult('killed', second, expected);
  }
  return toResult('survived', undefined, false);
}
