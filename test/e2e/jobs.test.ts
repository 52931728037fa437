/**
 * Jobs on real agents: a job each second, while agents are killed, stopped, drained and restarted; each tick is run once, by the
 * records of the runs themselves. `npm run jobs` is the campaign, with six agents for ten minutes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { runJobsCampaign } from '../jobs/campaign.ts';
import { killProcesses, runHearsay } from '../support/processes.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-jobs-'));
});
afterEach(killProcesses);
afterAll(() => rmSync(dir, { recursive: true }));

test('each tick is run once, whatever happens to the other agents', async () => {
  const report = await runJobsCampaign({
    ...{ hosts: 4, network: '127.37.2', seconds: 20, seed: 3, dir },
    log: () => {},
  });
  expect(report.uneven).toEqual([]);
  expect(report.ticks).toBeGreaterThanOrEqual(20);
  expect(report.runners).toHaveLength(4);
  const { stdout } = await runHearsay(['jobs', 'beat', '--http-addr', 'http://127.37.2.1:8500']);
  expect(stdout).toMatch(/^beat: every 1s, next /);
  expect(stdout).toMatch(/Z +j\d +1 +succeeded/);
}, 200_000);
