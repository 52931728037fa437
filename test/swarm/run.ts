/**
 * Many seeds on all cores: `npm run swarm -- --seeds 1000 [--from 1] [--members 10] [--minutes 3]`. The first failure is
 * shrunk to the troubles that matter, with `--shrink` every one; each prints what it takes to see it again. `--kinds
 * crash,loss` (or `none`) and `--loss 0.1` fix what a seed would draw. Exit code 1 if anything failed or came in vain.
 * `--mixed` runs clusters of ours and Go-like peers that talk and change their keys instead (mixed.ts).
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BYZANTINE_KINDS, FAULT_KINDS, type FaultKind } from '../../src/sim/faults/index.ts';
import { LOSS_LEVELS } from '../../src/sim/scenarios/parameters.ts';
import { COUNTED_STATES } from '../../src/sim/scenarios/run-stats.ts';
import { runSwarm, type SwarmOptions, type SwarmReport } from '../../src/sim/scenarios/swarm.ts';
import { CATALOG_LOAD_KINDS } from '../../src/sim/workload/catalog-load.ts';
import { serveJobs } from '../support/worker-pool.ts';
import { runMixedSwarm } from './mixed.ts';
import { runSeeds, type SeedRange } from './seeds.ts';
import { shrink } from './shrink.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    members: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '3' },
    jobs: { type: 'string', default: `${availableParallelism()}` },
    commit: { type: 'string' },
    shrink: { type: 'boolean', default: false },
    kinds: { type: 'string' },
    loss: { type: 'string' },
    mixed: { type: 'boolean', default: false },
  },
});
const number = (key: 'seeds' | 'from' | 'members' | 'minutes' | 'jobs'): number => {
  const value = Number(values[key]);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${key} must be a number above 0`);
  return value;
};
const options: Omit<SwarmOptions, 'seed'> = {
  members: number('members'),
  minutes: number('minutes'),
  ...(values.kinds === undefined ? {} : { kinds: kindsIn(values.kinds) }),
  ...(values.loss === undefined ? {} : { loss: Number(values.loss) }),
};
const ALL_KINDS: readonly FaultKind[] = [...FAULT_KINDS, ...BYZANTINE_KINDS];
const first = number('from');
const count = number('seeds');

const MAX_FAILURES = 20;
/** So many seeds should see every kind of trouble. */
const ENOUGH = 40;
const SHOWN_FAULTS = 60;
const PROGRESS = 500;
const SHOWN_LINES = 80;
let shown = 0;

const seeds: SeedRange = {
  file: fileURLToPath(import.meta.url),
  first,
  count,
  jobs: number('jobs'),
  maxFailures: MAX_FAILURES,
};
if (values.mixed) await runMixedSwarm(seeds, options, commit());
else if (process.send !== undefined) serveJobs((seed: number) => runSwarm({ ...options, seed }));
else await command();

async function command(): Promise<void> {
  console.log(
    `commit ${commit()}, seeds ${first} to ${first + count - 1}, ${options.members} members, ${options.minutes} min`,
  );
  const reports: SwarmReport[] = [];
  const failed: SwarmReport[] = [];
  const seconds = await runSeeds<SwarmReport>(seeds, (report) => {
    reports.push({ ...report, faults: [], lines: [] });
    if (reports.length % PROGRESS === 0) console.log(`${reports.length} seeds, ${failed.length} failed`);
    if (report.failures.length === 0) return true;
    failed.push(report);
    show(report);
    return false;
  });
  summarize(reports, failed, seconds);
}

function show(report: SwarmReport): void {
  const { seed, parameters: setting } = report;
  shown += 1;
  const shrinks = values.shrink || shown === 1;
  const { faults, failures, lines } = shrinks ? shrink({ ...options, seed }) : report;
  console.log(
    [
      '',
      `seed ${seed} FAILED at commit ${commit()}: npm run swarm -- --from ${seed} --seeds 1 --shrink${given()}`,
      JSON.stringify(setting),
      ...failures.slice(0, 12).map((line) => `  ${line}`),
      shrinks ? `troubles that matter, of ${report.faults.length}:` : 'troubles:',
      ...faults.slice(0, SHOWN_FAULTS).map((fault) => `  ${JSON.stringify(fault)}`),
      'the end of the trace:',
      ...lines.slice(-SHOWN_LINES).map((line) => `  ${line}`),
    ].join('\n'),
  );
}

/** Figures of the whole campaign; a kind of trouble that never came makes it worthless, and fail. */
function summarize(reports: readonly SwarmReport[], failed: readonly SwarmReport[], seconds: number): void {
  const hours = reports.reduce((sum, { span }) => sum + (span / 3_600_000) * options.members, 0);
  const at = (key: 'agreedAfter' | 'catalogAgreedAfter', part: number): string => {
    const sorted = reports.map((report) => report[key]).sort((a, b) => a - b);
    return (
      (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN) / 1000
    ).toFixed(1);
  };
  const total = (key: CountKey, kind: string): number =>
    reports.reduce((sum, report) => sum + ((report[key] as Record<string, number>)[kind] ?? 0), 0);
  const counts = (key: CountKey, kinds: readonly string[]): string =>
    kinds.map((kind) => `${kind} ${total(key, kind)}`).join(', ');
  console.log(
    `\n${reports.length} seeds, ${failed.length} failed, ${hours.toFixed(0)} node-hours in ${seconds.toFixed(0)} s`,
  );
  console.log(
    `members agreed after   p50 ${at('agreedAfter', 0.5)} s, p99 ${at('agreedAfter', 0.99)}, max ${at('agreedAfter', 1)}`,
  );
  console.log(
    `catalogue equal after  p50 ${at('catalogAgreedAfter', 0.5)} s, p99 ${at('catalogAgreedAfter', 0.99)}, max ${at('catalogAgreedAfter', 1)}`,
  );
  console.log(`troubles: ${counts('faultCounts', ALL_KINDS)}`);
  console.log(`deeds: ${counts('actionCounts', CATALOG_LOAD_KINDS)}`);
  console.log(`states: ${counts('stateCounts', COUNTED_STATES)}`);
  const settings: Record<string, number> = {};
  for (const { parameters: setting } of reports)
    for (const [what, value] of Object.entries(setting))
      if (typeof value === 'object' ? false : Boolean(value)) settings[what] = (settings[what] ?? 0) + 1;
  console.log(
    `settings: ${Object.entries(settings)
      .map(([what, many]) => `${what} in ${many}`)
      .join(', ')}`,
  );
  for (const loss of LOSS_LEVELS) {
    // Where somebody lies, who is dead is no longer a question of loss.
    const honest = ({ parameters: { kinds } }: SwarmReport): boolean =>
      !kinds.some((kind) => BYZANTINE_KINDS.includes(kind));
    const some = reports.filter((report) => report.parameters.loss === loss && honest(report));
    const healthy = some.reduce((sum, { healthyMillis }) => sum + healthyMillis, 0) / 3_600_000;
    const deaths = some.reduce((sum, { falseDeaths }) => sum + falseDeaths, 0);
    if (some.length > 0)
      console.log(
        `loss ${100 * loss} %: ${some.length} seeds, ${deaths} false deaths in ${healthy.toFixed(1)} healthy node-hours`,
      );
  }
  const wanted = options.kinds ?? ALL_KINDS;
  const vain =
    options.kinds === undefined
      ? [
          ...wanted.filter((kind) => total('faultCounts', kind) === 0),
          ...CATALOG_LOAD_KINDS.filter((kind) => total('actionCounts', kind) === 0),
          ...COUNTED_STATES.filter((state) => total('stateCounts', state) === 0),
        ]
      : wanted.filter((kind) => total('faultCounts', kind) === 0);
  if (reports.length >= ENOUGH && vain.length > 0) console.log(`never came: ${vain.join(', ')}`);
  if (failed.length > 0)
    console.log(
      `failed seeds: ${failed
        .map(({ seed }) => seed)
        .sort((a, b) => a - b)
        .join(' ')}`,
    );
  if ((reports.length >= ENOUGH && vain.length > 0) || failed.length > 0 || reports.length < count)
    process.exitCode = 1;
}

type CountKey = 'faultCounts' | 'actionCounts' | 'stateCounts';

/** The options of this run that matter to what a seed does, as one would type them. */
function given(): string {
  const words = [` --members ${options.members} --minutes ${options.minutes}`];
  if (values.kinds !== undefined) words.push(`--kinds ${values.kinds}`);
  if (values.loss !== undefined) words.push(`--loss ${values.loss}`);
  return words.join(' ');
}

function kindsIn(list: string): FaultKind[] {
  if (list === 'none') return [];
  return list.split(',').map((word) => {
    const kind = [...FAULT_KINDS, ...BYZANTINE_KINDS].find((one) => one === word);
    if (kind === undefined) throw new Error(`--kinds knows no ${word}: ${FAULT_KINDS.join(', ')}, traitor`);
    return kind;
  });
}

function commit(): string {
  if (values.commit !== undefined) return values.commit;
  try {
    const head = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const dirty = execFileSync('git', ['status', '--porcelain', '--', 'src'], { encoding: 'utf8' }) !== '';
    return dirty ? `${head} and changes` : head;
  } catch {
    return 'unknown';
  }
}
