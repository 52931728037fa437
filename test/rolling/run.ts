/**
 * `npm run rolling -- 25000`: so many requests of each of four kinds of clients, through six instances on six agents, while all are restarted
 * one after another. Prints what failed; exits 1 if anything did.
 */
import { runRolling } from './rolling.ts';

const requests = Number(process.argv[2] ?? 25_000);
const reports = await runRolling({
  hosts: 6,
  network: '127.35.7',
  requests,
  quiet: requests / 5,
  log: console.log,
});
let failed = 0;
for (const [kind, { sent, failures, answered, p99, quietP99 }] of Object.entries(reports)) {
  failed += failures.length;
  console.log(
    `${kind}: ${sent} sent, ${failures.length} failed, ${answered.size} instances, p99 ${p99.toFixed(1)} ms, ${quietP99.toFixed(1)} ms before the restarts`,
  );
  for (const failure of new Set(failures)) console.log(`  ${failure}`);
}
process.exit(failed === 0 ? 0 : 1);
