import { defineConfig } from 'vitest/config';

// `fast` and `worlds` need no binary, no build and no socket beyond loopback: units and laws, and whole simulated clusters, which take
// minutes. `slow` runs the built program and real Serf agents.
const worlds = ['test/story/**/*.test.ts', 'test/swarm/**/*.test.ts'];
const slow = ['test/interop/**/*.test.ts', 'test/e2e/**/*.test.ts'];

export default defineConfig({
  test: {
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [...worlds, ...slow],
          testTimeout: 60_000,
        },
      },
      { test: { name: 'worlds', include: worlds, testTimeout: 120_000 } },
      {
        test: {
          name: 'slow',
          include: slow,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          // Real processes on a machine of unknown speed. What had to be tried twice is listed at the end of the run.
          retry: process.env['CI'] === undefined ? 0 : 2,
        },
      },
    ],
  },
});
