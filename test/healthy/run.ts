/**
 * `npm run healthy -- [--clusters 100] [--from 1]`: healthy clusters of 3 to 12 agents in the simulated world, with and without agents
 * of Serf, quiet and busy, each examined by doctor's rules at every agent. Prints what was found; the exit code is 1 if anything was.
 */
import { parseArgs } from 'node:util';
import { examineHealthyCluster } from './cluster.ts';

const { values } = parseArgs({
  options: { clusters: { type: 'string', default: '100' }, from: { type: 'string', default: '1' } },
});
const [from, count] = [Number(values.from), Number(values.clusters)];
let [examinations, findings] = [0, 0];
for (let seed = from; seed < from + count; seed++) {
  const report = examineHealthyCluster(seed);
  examinations += report.examinations;
  findings += report.found.length;
  if (report.found.length === 0) continue;
  console.log(`seed ${seed} (${report.cluster}):`);
  for (const line of new Set(report.found)) console.log(`  ${line}`);
}
console.log(`${count} healthy clusters, ${examinations} examinations, ${findings} findings`);
process.exitCode = findings === 0 ? 0 : 1;
