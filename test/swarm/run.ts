/**
 * Many seeds on all cores: `npm run swarm -- --seeds 1000 [--from 1] [--members 10] [--minutes 3]`. A failure prints what
 * it takes to see it again; `--from SEED --seeds 1 --shrink` drops troubles that do not matter to it first.
 */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DEED_KINDS } from '../../src/sim/deeds.ts';
import { FAULT_KINDS } from '../../src/sim/faults.ts';
import { runSwarm, type SwarmReport } from '../../src/sim/swarm.ts';
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
  },
});
const number = (key: 'seeds' | 'from' | 'members' | 'minutes' | 'jobs'): number => {
  const value = Number(values[key]);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${key} must be a number above 0`);
  return value;
};
const options = { members: number('members'), minutes: number('minutes') };
const first = number('from');
const count = number('seeds');

const MAX_FAILURES = 20;
/** So many seeds should see every kind of trouble. */
const ENOUGH = 20;
const SHOWN_FAULTS = 60;
const PROGRESS = 500;
const SHOWN_LINES = 80;

if (process.send !== undefined) serve();
else await command();

/** A child: one seed after the other, as the parent hands them out. */
function serve(): void {
  process.on('message', (seed: number) => process.send?.(runSwarm({ ...options, seed })));
}

async function command(): Promise<void> {
  console.log(
    `commit ${commit()}, seeds ${first} to ${first + count - 1}, ${options.members} members, ${options.minutes} min`,
  );
  const reports: SwarmReport[] = [];
  const failed: SwarmReport[] = [];
  let next = first;
  const began = performance.now();
  const work = (child: ChildProcess, done: () => void): void => {
    const hand = (): void => {
      if (next < first + count && failed.length < MAX_FAILURES) child.send(next++);
      else child.disconnect();
    };
    child.on('message', (message) => {
      const report = message as SwarmReport;
      reports.push({ ...report, faults: [], lines: [] });
      if (reports.length % PROGRESS === 0) console.log(`${reports.length} seeds, ${failed.length} failed`);
      if (report.failures.length > 0) {
        failed.push(report);
        show(report);
      }
      hand();
    });
    child.on('exit', (code) => {
      if (code !== 0) process.exitCode = 1;
      done();
    });
    hand();
  };
  const file = fileURLToPath(import.meta.url);
  const jobs = Math.min(number('jobs'), count);
  await Promise.all(
    Array.from(
      { length: jobs },
      () =>
        new Promise<void>((done) =>
          work(fork(file, process.argv.slice(2), { serialization: 'advanced' }), done),
        ),
    ),
  );
  summarize(reports, failed, (performance.now() - began) / 1000);
}

function show(report: SwarmReport): void {
  const { seed } = report;
  const { faults, failures, lines } = values.shrink ? shrink({ ...options, seed }) : report;
  console.log(
    [
      '',
      `seed ${seed} FAILED at commit ${commit()}: npm run swarm -- --from ${seed} --seeds 1 --members ${options.members} --minutes ${options.minutes}`,
      ...failures.slice(0, 12).map((line) => `  ${line}`),
      'troubles:',
      ...faults.slice(0, SHOWN_FAULTS).map((fault) => `  ${JSON.stringify(fault)}`),
      'the end of the trace:',
      ...lines.slice(-SHOWN_LINES).map((line) => `  ${line}`),
    ].join('\n'),
  );
}

/** Figures of the whole campaign; a kind of trouble that never came makes it worthless, and fail. */
function summarize(reports: readonly SwarmReport[], failed: readonly SwarmReport[], seconds: number): void {
  const hours = reports.reduce((sum, { span }) => sum + (span / 3_600_000) * options.members, 0);
  const at = (key: 'agreedAfter' | 'equalAfter', part: number): string => {
    const sorted = reports.map((report) => report[key]).sort((a, b) => a - b);
    return (
      (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN) / 1000
    ).toFixed(1);
  };
  const total = (key: 'struck' | 'done', kind: string): number =>
    reports.reduce((sum, report) => sum + ((report[key] as Record<string, number>)[kind] ?? 0), 0);
  const counts = (key: 'struck' | 'done', kinds: readonly string[]): string =>
    kinds.map((kind) => `${kind} ${total(key, kind)}`).join(', ');
  console.log(
    `\n${reports.length} seeds, ${failed.length} failed, ${hours.toFixed(0)} node-hours in ${seconds.toFixed(0)} s`,
  );
  console.log(
    `members agreed after   p50 ${at('agreedAfter', 0.5)} s, p99 ${at('agreedAfter', 0.99)}, max ${at('agreedAfter', 1)}`,
  );
  console.log(
    `catalogue equal after  p50 ${at('equalAfter', 0.5)} s, p99 ${at('equalAfter', 0.99)}, max ${at('equalAfter', 1)}`,
  );
  console.log(`troubles: ${counts('struck', FAULT_KINDS)}`);
  console.log(`deeds: ${counts('done', DEED_KINDS)}`);
  const vain = [
    ...FAULT_KINDS.filter((kind) => total('struck', kind) === 0),
    ...DEED_KINDS.filter((kind) => total('done', kind) === 0),
  ];
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
