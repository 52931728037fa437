/** Command line of `npm run swarm`, and how a failed seed is shown. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { BYZANTINE_KINDS, FAULT_KINDS, type Fault, type FaultKind } from '../../src/sim/faults/index.ts';
import type { Judgments, LawId } from '../../src/sim/laws/law.ts';
import type { ScenarioOptions, ScenarioParameters } from '../../src/sim/scenarios/parameters.ts';

/** Options of every run but its seed. */
export type RunOptions = Omit<ScenarioOptions, 'seed'>;

export interface SwarmCommand {
  readonly run: RunOptions;
  readonly first: number;
  readonly count: number;
  readonly jobs: number;
  /** Every failure is shrunk, not only the first. */
  readonly shrink: boolean;
  readonly mixed: boolean;
  readonly commit: string;
}

export const ALL_KINDS: readonly FaultKind[] = [...FAULT_KINDS, ...BYZANTINE_KINDS];

/** With at least this many seeds every kind of fault should occur. */
export const REPRESENTATIVE_SEEDS = 40;
const SHOWN_FAILURES = 12;
const SHOWN_FAULTS = 60;
const SHOWN_LINES = 80;

export function parseCommand(): SwarmCommand {
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
  const positive = (option: 'seeds' | 'from' | 'members' | 'minutes' | 'jobs'): number => {
    const value = Number(values[option]);
    if (!Number.isFinite(value) || value <= 0) throw new Error(`--${option} must be a number above 0`);
    return value;
  };
  return {
    run: {
      members: positive('members'),
      minutes: positive('minutes'),
      ...(values.kinds === undefined ? {} : { kinds: parseKinds(values.kinds) }),
      ...(values.loss === undefined ? {} : { loss: Number(values.loss) }),
    },
    first: positive('from'),
    count: positive('seeds'),
    jobs: positive('jobs'),
    shrink: values.shrink,
    mixed: values.mixed,
    commit: values.commit ?? currentCommit(),
  };
}

function parseKinds(list: string): FaultKind[] {
  if (list === 'none') return [];
  return list.split(',').map((word) => {
    const kind = ALL_KINDS.find((one) => one === word);
    if (kind === undefined)
      throw new Error(`--kinds: unknown kind ${word}; the kinds are none, ${ALL_KINDS.join(', ')}`);
    return kind;
  });
}

function currentCommit(): string {
  try {
    const head = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const changes = execFileSync('git', ['status', '--porcelain', '--', 'src'], { encoding: 'utf8' });
    return changes === '' ? head : `${head} with changes`;
  } catch {
    return 'unknown';
  }
}

/** What a run is called in the first line of its output. */
export const describeCommand = ({ commit, first, count, run }: SwarmCommand): string =>
  `commit ${commit}, seeds ${first} to ${first + count - 1}, ${run.members} members, ${run.minutes} min`;

/** The options of a run as one would type them. */
export function formatRunOptions({ members, minutes, kinds, loss }: RunOptions): string {
  return [
    `--members ${members} --minutes ${minutes}`,
    ...(kinds === undefined ? [] : [`--kinds ${kinds.length === 0 ? 'none' : kinds.join(',')}`]),
    ...(loss === undefined ? [] : [`--loss ${loss}`]),
  ].join(' ');
}

export interface FailedSeed {
  readonly seed: number;
  readonly parameters: ScenarioParameters;
  readonly failures: readonly string[];
  readonly faults: readonly Fault[];
  /** The end of the trace. */
  readonly lines: readonly string[];
}

/** `repeat` is what to type after `npm run swarm --` to see the failure again; `heading` stands above the faults. */
export function printFailure(failed: FailedSeed, commit: string, repeat: string, heading: string): void {
  console.log(
    [
      '',
      `seed ${failed.seed} FAILED at commit ${commit}: npm run swarm -- ${repeat}`,
      JSON.stringify(failed.parameters),
      ...failed.failures.slice(0, SHOWN_FAILURES).map((line) => `  ${line}`),
      heading,
      ...failed.faults.slice(0, SHOWN_FAULTS).map((fault) => `  ${JSON.stringify(fault)}`),
      'end of the trace:',
      ...failed.lines.slice(-SHOWN_LINES).map((line) => `  ${line}`),
    ].join('\n'),
  );
}

/** Counts summed over all reports, as `kind count, kind count`. */
export const formatCounts = (counts: (kind: string) => number, kinds: readonly string[]): string =>
  kinds.map((kind) => `${kind} ${counts(kind)}`).join(', ');

/** How often each of these laws judged, over all reports. */
export function sumJudgments(
  laws: readonly LawId[],
  reports: readonly { readonly judgments: Judgments }[],
): readonly { readonly law: LawId; readonly judged: number; readonly seeds: number }[] {
  return laws.map((law) => {
    const counts = reports.map(({ judgments }) => judgments[law] ?? 0);
    return {
      law,
      judged: counts.reduce((sum, count) => sum + count, 0),
      seeds: counts.filter((count) => count > 0).length,
    };
  });
}

/** One line a law: how often it judged, and in how many seeds. */
export const formatJudgments = (
  laws: readonly LawId[],
  reports: readonly { readonly judgments: Judgments }[],
): string[] =>
  sumJudgments(laws, reports).map(
    ({ law, judged, seeds }) =>
      `  ${law.padEnd(28)}${`${judged}`.padStart(12)} times in ${seeds} of ${reports.length} seeds`,
  );

/** Laws that judged nothing: the run does not show that they hold. */
export const idleLaws = (
  laws: readonly LawId[],
  reports: readonly { readonly judgments: Judgments }[],
): string[] => sumJudgments(laws, reports).flatMap(({ law, judged }) => (judged === 0 ? [law] : []));

/** The value below which `part` of the sorted times lies, in seconds. */
export function formatQuantile(sorted: readonly number[], part: number, digits: number): string {
  const index = Math.min(sorted.length - 1, Math.floor(part * sorted.length));
  return ((sorted[index] ?? Number.NaN) / 1000).toFixed(digits);
}

/** The first line of a summary. */
export function formatTotals(
  reports: readonly { readonly span: number }[],
  failed: number,
  members: number,
  seconds: number,
): string {
  const hours = reports.reduce((sum, { span }) => sum + (span / 3_600_000) * members, 0);
  return `\n${reports.length} seeds, ${failed} failed, ${hours.toFixed(0)} node-hours in ${seconds.toFixed(0)} s`;
}

export const formatFailedSeeds = (failed: readonly { readonly seed: number }[]): string =>
  `failed seeds: ${failed
    .map(({ seed }) => seed)
    .sort((a, b) => a - b)
    .join(' ')}`;
