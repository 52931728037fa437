/** Whether the tests notice one mutant: first those that should, then those of its room, then all of the fast set. */
import { type Layer, type Mutant, mutantLayer } from './mutant.ts';
import type { MutantSandbox, TestRun } from './sandbox.ts';

/** What became of a mutant. `late`: the tests never ended, though they take seconds without it. */
export interface MutantResult {
  readonly mutant: Mutant;
  readonly outcome: 'killed' | 'timedOut' | 'survived' | 'broken';
  /** File and name of the test that noticed. */
  readonly by?: string;
  /** One of those that should. */
  readonly expected: boolean;
  readonly why?: string;
  readonly seconds: number;
}

/** The tests of each room, below `test/`. */
const TESTS_BY_LAYER: Readonly<Record<Layer, readonly string[]>> = {
  wire: ['unit/wire', 'property/wire', 'golden'],
  swim: ['unit/swim', 'property/swim', 'story'],
  serf: ['unit/serf', 'property/serf', 'story'],
  catalog: ['unit/catalog', 'property/catalog', 'story/services'],
  agent: ['unit/agent', 'property/catalog.agents', 'story'],
  checks: ['unit/checks', 'story/services'],
  shell: ['unit/shell', 'unit/http', 'unit/cli'],
};
const FAST = ['unit', 'property', 'golden', 'story', 'house.test.ts'];
const SWARM = ['swarm'];

/** A run may take this much longer than without the mutant … */
const PATIENCE = 5;
/** … and this long in any case. */
const MIN_TIME_LIMIT = 60;
/** A cap for runs of which no measure is taken. */
const BASELINE_TIME_LIMIT = 1800;

export const testStages = (mutant: Mutant): readonly (readonly string[])[] => {
  const room = mutantLayer(mutant);
  return [mutant.expectedTests, room === undefined ? FAST : TESTS_BY_LAYER[room], FAST, SWARM];
};

/** How long tests take without any mutant. Throws if they are not green: then nothing can be said of any. */
export class Baseline {
  readonly #took = new Map<string, number>();
  readonly #measured = new Set<string>();

  async measure(workshop: MutantSandbox, paths: readonly string[], workers: number): Promise<TestRun> {
    const run = await workshop.run(paths, workers, BASELINE_TIME_LIMIT, false);
    if (run.outcome !== 'passed')
      throw new Error(
        `without any mutant the tests are ${run.outcome}: ${run.file ?? ''} ${run.test ?? run.why ?? ''}`,
      );
    for (const [file, seconds] of run.took) this.#took.set(file, seconds);
    for (const path of paths) this.#measured.add(path);
    return run;
  }

  /** Those of them that were not measured yet. */
  missing(paths: readonly string[]): readonly string[] {
    return paths.filter((path) => !this.#measured.has(path));
  }

  /** Seconds after which a run of these tests has been too long. */
  timeLimit(paths: readonly string[]): number {
    let usual = 0;
    for (const [file, seconds] of this.#took)
      if (paths.some((path) => file.startsWith(path))) usual += seconds;
    return MIN_TIME_LIMIT + PATIENCE * usual;
  }
}

/** Hunts one mutant, `workers` test files at a time; `quick`: with the tests that it names, and no others. */
export async function testMutant(
  mutant: Mutant,
  workshop: MutantSandbox,
  baseline: Baseline,
  { workers, quick }: { readonly workers: number; readonly quick: boolean },
): Promise<MutantResult> {
  const began = performance.now();
  const verdict = (
    outcome: MutantResult['outcome'],
    run: TestRun | undefined,
    expected: boolean,
  ): MutantResult => ({
    mutant,
    outcome,
    expected,
    ...(run?.file === undefined ? {} : { by: `${run.file}: ${run.test ?? ''}` }),
    ...(run?.why === undefined ? {} : { why: run.why }),
    seconds: (performance.now() - began) / 1000,
  });
  for (const [stage, paths] of testStages(mutant)
    .slice(0, quick ? 1 : undefined)
    .entries()) {
    const missing = baseline.missing(paths);
    if (missing.length > 0) await baseline.measure(workshop, missing, workers);
    const run = await workshop.withMutant(mutant, () =>
      workshop.run(paths, workers, baseline.timeLimit(paths)),
    );
    const expected = stage === 0;
    if (run.outcome === 'broken') return verdict('broken', run, expected);
    if (run.outcome === 'timedOut') return verdict('timedOut', run, expected);
    if (run.outcome === 'passed') continue;
    if (expected) return verdict('killed', run, expected);
    // Tests with real sockets may fail by themselves on a busy machine: whom nobody expected must fail twice.
    const again = [run.file ?? ''];
    const second = await workshop.withMutant(mutant, () =>
      workshop.run(again, workers, baseline.timeLimit(again)),
    );
    if (second.outcome === 'failed') return verdict('killed', second, expected);
  }
  return verdict('survived', undefined, false);
}
