/**
 * Runs many seeds on all cores: `npm run swarm -- --seeds 1000 [--from 1] [--members 10] [--minutes 3]`. The first failure
 * is shrunk to the faults that matter, with `--shrink` every one; each failure is printed with the command that repeats it.
 * `--kinds crash,loss` (or `none`) and `--loss 0.1` fix what a seed would draw. `--mixed` runs agents and Serf peers together
 * (mixed.ts). The exit code is 1 if a seed failed, or if some kind of fault never occurred.
 */
import { fileURLToPath } from 'node:url';
import {
  CATALOG_LAWS,
  JOB_LAWS,
  type LawId,
  MEMBERSHIP_LAWS,
  PARTITION_LAWS,
  QUIET_LAWS,
  READER_LAWS,
} from '../../src/sim/laws/law.ts';
import { isByzantine, LOSS_LEVELS } from '../../src/sim/scenarios/parameters.ts';
import { COUNTED_STATES } from '../../src/sim/scenarios/run-stats.ts';
import type { SwarmReport } from '../../src/sim/scenarios/swarm.ts';
import { CATALOG_LOAD_KINDS } from '../../src/sim/workload/catalog-load.ts';
import { EXTERNAL_LOAD_KINDS } from '../../src/sim/workload/external-load.ts';
import { LEASE_LOAD_KINDS } from '../../src/sim/workload/lease-load.ts';
import { PARTITION_LOAD_KINDS } from '../../src/sim/workload/partition-load.ts';
import { serveJobs } from '../support/worker-pool.ts';
import { runWithReaders } from './answers.ts';
import { runMixedSwarm } from './mixed.ts';
import {
  ALL_KINDS,
  describeCommand,
  formatCounts,
  formatFailedSeeds,
  formatJudgments,
  formatQuantile,
  formatRunOptions,
  formatTotals,
  idleLaws,
  parseCommand,
  printFailure,
  REPRESENTATIVE_SEEDS,
} from './options.ts';
import { runSeeds, type SeedRange } from './seeds.ts';
import { shrink } from './shrink.ts';

const MAX_FAILURES = 20;
/** Seeds between two lines of progress. */
const PROGRESS_EVERY = 100;

const command = parseCommand();
const seeds: SeedRange = {
  file: fileURLToPath(import.meta.url),
  first: command.first,
  count: command.count,
  jobs: command.jobs,
  maxFailures: MAX_FAILURES,
};
if (command.mixed) await runMixedSwarm(seeds, command);
else if (process.send !== undefined) serveJobs((seed: number) => runWithReaders({ ...command.run, seed }));
else await main();

async function main(): Promise<void> {
  console.log(describeCommand(command));
  const reports: SwarmReport[] = [];
  const failed: SwarmReport[] = [];
  const seconds = await runSeeds<SwarmReport>(seeds, (report) => {
    reports.push({ ...report, faults: [], lines: [] });
    if (reports.length % PROGRESS_EVERY === 0)
      console.log(`${reports.length} seeds, ${failed.length} failed`);
    if (report.failures.length === 0) return true;
    failed.push(report);
    show(report, command.shrink || failed.length === 1);
    return false;
  });
  summarize(reports, failed, seconds);
}

function show(report: SwarmReport, shrinks: boolean): void {
  const { seed, faults } = report;
  const shown = shrinks ? { ...shrink({ ...command.run, seed }), parameters: report.parameters } : report;
  const heading = shrinks ? `faults that matter, of ${faults.length}:` : 'faults:';
  const repeat = `--from ${seed} --seeds 1 --shrink ${formatRunOptions(command.run)}`;
  printFailure(shown, command.commit, repeat, heading);
}

type CountKey = 'faultCounts' | 'actionCounts' | 'stateCounts';

/** A declaration and not a constant: the command above runs before constants of this file are set. */
function countOf(reports: readonly SwarmReport[], key: CountKey): (kind: string) => number {
  return (kind) =>
    reports.reduce((sum, report) => sum + ((report[key] as Record<string, number>)[kind] ?? 0), 0);
}

/** Figures over all seeds. The exit code is 1 if the run proves nothing because some kind of fault never occurred. */
function summarize(reports: readonly SwarmReport[], failed: readonly SwarmReport[], seconds: number): void {
  const times = (key: 'agreedAfter' | 'catalogAgreedAfter'): string => {
    const sorted = reports.map((report) => report[key]).sort((a, b) => a - b);
    const [p50, p99, max] = [0.5, 0.99, 1].map((part) => formatQuantile(sorted, part, 1));
    return `p50 ${p50} s, p99 ${p99} s, max ${max} s`;
  };
  const unseen = unseenKinds(reports);
  console.log(
    [
      formatTotals(reports, failed.length, command.run.members, seconds),
      `members agree after    ${times('agreedAfter')}`,
      `catalogs agree after   ${times('catalogAgreedAfter')}`,
      `faults: ${formatCounts(countOf(reports, 'faultCounts'), ALL_KINDS)}`,
      `catalog actions: ${formatCounts(countOf(reports, 'actionCounts'), loadKinds())}`,
      `states: ${formatCounts(countOf(reports, 'stateCounts'), COUNTED_STATES)}`,
      `parameters: ${formatParameters(reports)}`,
      ...falseDeathsByLoss(reports),
      'laws judged:',
      ...formatJudgments(swarmLaws(), reports),
      ...(unseen.length > 0 ? [`never seen: ${unseen.join(', ')}`] : []),
      ...(failed.length > 0 ? [formatFailedSeeds(failed)] : []),
    ].join('\n'),
  );
  if (unseen.length > 0 || failed.length > 0 || reports.length < command.count) process.exitCode = 1;
}

/** A declaration, as above. */
function swarmLaws(): readonly LawId[] {
  return [...MEMBERSHIP_LAWS, ...CATALOG_LAWS, ...READER_LAWS, ...JOB_LAWS, ...PARTITION_LAWS, ...QUIET_LAWS];
}

/** A declaration, as above. */
function loadKinds(): readonly string[] {
  return [...CATALOG_LOAD_KINDS, ...EXTERNAL_LOAD_KINDS, ...LEASE_LOAD_KINDS, ...PARTITION_LOAD_KINDS];
}

/** Kinds that no seed saw, and laws that judged nothing; empty if there were too few seeds to expect all of them. */
function unseenKinds(reports: readonly SwarmReport[]): string[] {
  if (reports.length < REPRESENTATIVE_SEEDS) return [];
  const isUnseen = (key: CountKey) => (kind: string) => countOf(reports, key)(kind) === 0;
  if (command.run.kinds !== undefined) return command.run.kinds.filter(isUnseen('faultCounts'));
  return [
    ...ALL_KINDS.filter(isUnseen('faultCounts')),
    ...loadKinds().filter(isUnseen('actionCounts')),
    ...COUNTED_STATES.filter(isUnseen('stateCounts')),
    ...idleLaws(swarmLaws(), reports),
  ];
}

/** In how many seeds each parameter was set. */
function formatParameters(reports: readonly SwarmReport[]): string {
  const counts = new Map<string, number>();
  for (const { parameters } of reports)
    for (const [name, value] of Object.entries(parameters))
      if (typeof value !== 'object' && value) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${name} in ${count}`).join(', ');
}

/** False deaths at each level of loss. Seeds with forged messages do not count: their deaths are not due to loss. */
function falseDeathsByLoss(reports: readonly SwarmReport[]): string[] {
  return LOSS_LEVELS.flatMap((loss) => {
    const chosen = reports.filter(({ parameters }) => parameters.loss === loss && !isByzantine(parameters));
    if (chosen.length === 0) return [];
    const healthy = chosen.reduce((sum, { healthyMillis }) => sum + healthyMillis, 0) / 3_600_000;
    const deaths = chosen.reduce((sum, { falseDeaths }) => sum + falseDeaths, 0);
    return [
      `loss ${100 * loss} %: ${chosen.length} seeds, ${deaths} false deaths in ${healthy.toFixed(1)} healthy node-hours`,
    ];
  });
}
