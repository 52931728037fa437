import { defineConfig } from 'vitest/config';

// `fast` needs no binary, no build and no socket beyond loopback; `slow` runs the built program and real Serf agents.
const slow = ['test/interop/**/*.test.ts', 'test/e2e/**/*.test.ts'];

export default defineConfig({
  test: {
    maxWorkers: '100%',
    projects: [
      { test: { name: 'fast', include: ['test/**/*.test.ts'], exclude: slow, testTimeout: 60_000 } },
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
