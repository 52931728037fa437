import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';
import { SummaryReporter } from './test/support/summary-reporter.ts';

/** Whole simulated clusters. */
const WORLDS = ['test/story/**/*.test.ts', 'test/swarm/**/*.test.ts'];
/** What `npm test` runs of the real processes: the built program as a user meets it, and one run beside real Serf. */
const CORE = [
  ...['test/e2e/cli.test.ts', 'test/e2e/cli-start.test.ts', 'test/e2e/cli-agent.test.ts'],
  ...['test/e2e/readme.test.ts', 'test/interop/serf.test.ts'],
];
/** Everything else with real processes, real Serf agents, real clients and attackers. */
const REAL = ['test/interop/**/*.test.ts', 'test/e2e/**/*.test.ts', 'test/attacks/**/*.test.ts'];

const realProcesses = {
  testTimeout: 180_000,
  hookTimeout: 180_000,
  fileParallelism: false,
  // A machine of unknown speed may fail a real process once. The summary lists each retry, and fails at the second of a test.
  retry: (process.env['CI'] ?? '') === '' ? 0 : 1,
};

export default defineConfig({
  test: {
    // One more than there are cores: some tests wait for a timeout, and another file runs meanwhile.
    maxWorkers: availableParallelism() + 1,
    reporters: ['default', new SummaryReporter()],
    sequence: { sequencer: LongestFirst },
    // Files of `fast` and `worlds` share the modules of their process: loading them, and compiling them anew, took half of the time.
    projects: [
      {
        test: {
          name: 'fast',
          isolate: false,
          setupFiles: ['test/support/property-seed.ts'],
          include: ['test/**/*.test.ts'],
          exclude: [...WORLDS, ...REAL],
          testTimeout: 60_000,
        },
      },
      { test: { name: 'worlds', isolate: false, include: WORLDS, testTimeout: 120_000 } },
      // After the others, since a quiet cluster needs a quiet machine, and beside one another: they mostly wait.
      {
        test: {
          ...{
            name: 'core',
            include: CORE,
            ...realProcesses,
            fileParallelism: true,
            maxWorkers: CORE.length,
          },
          sequence: { groupOrder: 1 },
        },
      },
      { test: { name: 'real', include: REAL, exclude: CORE, ...realProcesses } },
    ],
  },
});
