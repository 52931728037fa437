/**
 * A campaign: the twelve stories of real processes, again and again, in three clusters at once:
 * `npm run why-stories -- [--runs 20] [--net 127.74] [--minutes M]`. It prints the load. The exit code is 1 if a story was
 * told wrongly.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { killProcesses } from '../../support/processes.ts';
import { Fleet } from './fleet.ts';
import { findFault, kills, moves, rowsThatGo, type Told } from './stories.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    net: { type: 'string', default: '127.74' },
    minutes: { type: 'string', default: '1440' },
  },
});
const end = performance.now() + Number(values.minutes) * 60_000;
const told: Told[] = [];
const loads: number[] = [];
let runs = 0;

const ask: Parameters<typeof kills>[1] = (story, said, right) => {
  const fault = findFault(said, right);
  told.push({ story, fault, said });
  const { finding, accusation, cause, diagnosis } = said;
  if (fault !== undefined)
    console.log(`WRONG ${story}: ${fault}: ${finding}, ${accusation}, ${cause}: ${diagnosis}`);
};

try {
  const clusters = [rowsThatGo, kills, moves].map((stories, i) => ({
    stories,
    fleet: new Fleet(`${values.net}.${10 + i}`, 'abc'.charAt(i)),
  }));
  for (const { fleet } of clusters) await fleet.startAll();
  for (; runs < Number(values.runs) && performance.now() < end; runs++) {
    await Promise.all(clusters.map(({ stories, fleet }) => stories(fleet, ask)));
    loads.push(loadavg()[0] ?? 0);
    console.log(
      `run ${runs + 1}: ${told.filter(({ fault }) => fault === undefined).length} of ${told.length} right, load ${loads.at(-1)?.toFixed(1)}`,
    );
  }
} finally {
  await killProcesses();
}
for (const story of [...new Set(told.map((one) => one.story))].sort(
  (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10),
)) {
  const all = told.filter((one) => one.story === story);
  console.log(`${story}: ${all.filter(({ fault }) => fault === undefined).length} of ${all.length} right`);
}
const wrong = told.filter(({ fault }) => fault !== undefined).length;
console.log(
  `${runs} runs: ${told.length - wrong} of ${told.length} right; load ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`,
);
process.exitCode = wrong === 0 ? 0 : 1;
