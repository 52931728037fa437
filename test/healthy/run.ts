/**
 * `npm run healthy -- [--clusters 100] [--from 1] [--real 5]`: healthy clusters of 3 to 12 agents, with and without agents of Serf, quiet
 * and busy, each examined by doctor's rules at every agent; in the simulated world, or with `--real` so many of real agents (built by
 * `npm run build`). Prints what was found; the exit code is 1 if anything was.
 */
import { parseArgs } from 'node:util';
import { examineHealthyCluster } from './cluster.ts';
import type { HealthyReport } from './plan.ts';
import { examineRealCluster } from './real.ts';

const { values } = parseArgs({
  options: {
    clusters: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    real: { type: 'string' },
  },
});
const isReal = values.real !== undefined;
const [from, count] = [Number(values.from), Number(values.real ?? values.clusters)];
let [examinations, findings, starved] = [0, 0, 0];
for (let seed = from; seed < from + count; seed++) {
  const report: HealthyReport & { readonly starved?: number } = isReal
    ? await examineRealCluster(seed)
    : examineHealthyCluster(seed);
  examinations += report.examinations;
  findings += report.found.length;
  starved += report.starved ?? 0;
  if (!isReal && report.found.length === 0) continue;
  console.log(`seed ${seed} (${report.cluster}):${isReal ? ` ${report.examinations} examinations` : ''}`);
  for (const line of new Set(report.found)) console.log(`  ${line}`);
}
const ofMachine = isReal ? `; ${starved} said that the machine starves the agent` : '';
console.log(`${count} healthy clusters, ${examinations} examinations, ${findings} findings${ofMachine}`);
process.exitCode = findings === 0 ? 0 : 1;
