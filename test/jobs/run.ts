/**
 * `npm run jobs -- 600`: six real agents run a job each second for so many seconds while they are killed, stopped, drained and
 * restarted. Prints which ticks were not run once; exits 1 if there are any.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killProcesses } from '../support/processes.ts';
import { runJobsCampaign } from './campaign.ts';

const seconds = Number(process.argv[2] ?? 600);
const seed = Number(process.argv[3] ?? 1);
const dir = mkdtempSync(join(tmpdir(), 'hearsay-jobs-'));
const report = await runJobsCampaign({ hosts: 6, network: '127.53.1', seconds, seed, dir, log: console.log });
await killProcesses();
rmSync(dir, { recursive: true });
const { ticks, deeds, uneven, delays, runners } = report;
const quantile = (share: number): number =>
  delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? 0;
console.log(
  `${Object.entries(deeds)
    .map(([deed, count]) => `${deed} ${count}`)
    .join(', ')}; ran: ${runners.join(' ')}`,
);
console.log(`${ticks} ticks, ${ticks - uneven.length} run once`);
console.log(`late: median ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, worst ${quantile(1)} ms`);
for (const line of uneven) console.log(`  ${line}`);
process.exit(uneven.length === 0 ? 0 : 1);
