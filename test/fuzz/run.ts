/**
 * A campaign of the fuzzer: `npm run fuzz -- --lives 1000 --seed 7`. A failure is shrunk, and printed with the seed and the path that
 * repeat it.
 */
import { parseArgs } from 'node:util';
import * as fc from 'fast-check';
import { life, live } from '../property/whole-agent.ts';

const { values } = parseArgs({
  options: {
    lives: { type: 'string', default: '1000' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    path: { type: 'string' },
  },
});
const numRuns = Number(values.lives);
const seed = Number(values.seed);
const startedAt = performance.now();
const run = fc.check(
  fc.property(life, (one) => {
    const found = live(one);
    if (found.length > 0) throw new Error(found.slice(0, 10).join('\n'));
  }),
  { numRuns, seed, ...(values.path === undefined ? {} : { path: values.path }) },
);
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
console.log(
  `${run.numRuns} lives of ${numRuns}, seed ${seed}, ${seconds} s: ${run.failed ? 'FAILED' : 'nothing found'}`,
);
if (run.failed) {
  console.log(fc.defaultReportMessage(run));
  process.exitCode = 1;
}
