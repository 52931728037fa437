/** `hearsay simulate`: runs the protocol in a simulated cluster and measures failure detection and traffic. */
import type { Command } from 'commander';
import { resolveConfig } from '../../config/resolve.ts';
import { type AgentConfig, SETTINGS, type SettingEntry } from '../../config/schema.ts';
import { formatDuration, parseDuration } from '../../config/setting.ts';
import {
  type ExperimentOptions,
  type ExperimentResult,
  runExperiment,
} from '../../sim/scenarios/experiment.ts';
import { JOB_FAULTS, type JobFault } from '../../sim/scenarios/job-experiment.ts';
import {
  addExample,
  addJsonOption,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  printNotice,
  toAction,
} from '../command.ts';
import { addSettingOptions, readSettingFlags } from '../input/settings.ts';
import type { Io } from '../io.ts';
import { REPORT_ROWS, renderDisseminationCurve, summarizeRounds } from '../output/simulation-report.ts';
import { formatTable } from '../output/table.ts';
import { type JobPlan, simulateJobs } from './simulate-jobs.ts';

interface Options {
  readonly members?: string;
  readonly seed?: string;
  readonly rounds?: string;
  readonly duration?: string;
  readonly loss?: string;
  readonly latency?: string;
  readonly kill?: string;
  readonly pause?: string;
  readonly partition?: string;
  readonly compare?: string;
  readonly jobs?: boolean | string;
  readonly faults?: string;
  readonly json?: boolean;
}

export const simulateCommand: CommandBuilder = (command, cli) => {
  command
    .option('--members <n>', 'Number of agents, 2 to 2000 (default: 50)')
    .option('--seed <n>', 'Random seed: the same seed gives the same numbers (default: 1)')
    .option('--rounds <n>', 'Number of runs, each with the next seed, reported together (default: 1)')
    .option('--duration <span>', 'Length of the measurement (default: 60s)')
    .option('--loss <share>', 'Share of datagrams that are lost: 0.05 or 5% (default: 0)')
    .option('--latency <span>', 'One-way latency between any two members (default: 0.5ms)')
    .option('--kill <n>', 'Number of members whose machines lose power, evenly spread over time (default: 3)')
    .option('--pause <n:span:every>', 'Pause N members for SPAN, repeated every EVERY: 4:2s:5s')
    .option('--partition <span>', 'Partition a third of the members for SPAN, in the middle')
    .option('--compare <key=value,...>', 'Add a second column with these settings: swim.suspicionMult=6')
    .option(
      '--jobs [n]',
      'Count how often a tick is run of N jobs, 1 to 200, for each kind of fault (default: 1)',
    )
    .option('--faults <kind,...>', `With --jobs, only these faults: ${JOB_FAULTS.join(', ')}`)
    .addHelpText('after', '\nEnvironment variables and configuration files have no effect here.');
  addSettingOptions(addJsonOption(command), isDetectorSetting, ({ key }) => key === 'preset').action(
    toAction(cli, (options: Options, self: Command) => simulate(cli, options, self)),
  );
  addExample(command, 'hearsay simulate --loss 5% --pause 9:4s:8s --compare swim.awarenessMax=1');
};

/** The settings that a simulation can change. */
const isDetectorSetting = ({ section, key }: SettingEntry): boolean => section === 'swim' || key === 'preset';

/** The runs of one column of the table. */
interface Variant {
  readonly name: string;
  readonly results: readonly ExperimentResult[];
}

async function simulate(cli: CliContext, options: Options, command: Command): Promise<number> {
  const { io } = cli;
  if (options.jobs !== undefined) return simulateJobs(cli, parseJobPlan(options), options.json === true);
  if (options.faults !== undefined)
    throw new CliError(EXIT.usage, '--faults: is for --jobs; without it use --kill, --pause and --partition');
  const plan = parsePlan(options);
  const rounds = parseInteger(options.rounds, '--rounds', { fallback: 1, min: 1, max: 1000 });
  const flags = readSettingFlags(command);
  const variants: Variant[] = [
    { name: 'as given', results: runAll(io, 'as given', { plan, rounds, flags }) },
  ];
  if (options.compare !== undefined) {
    const changed = { ...flags, ...parseChanges(options.compare) };
    variants.push({ name: 'changed', results: runAll(io, 'changed', { plan, rounds, flags: changed }) });
  }
  if (options.json === true) {
    printJson(io, {
      options: { ...plan, rounds },
      results: variants.map(({ name, results }) => ({
        settings: name,
        ...summarizeRounds(results),
        traceHashes: results.map(({ hash }) => hash),
      })),
    });
    return EXIT.done;
  }
  io.out.write(`${describePlan(plan, rounds)}\n`);
  if (options.compare !== undefined) io.out.write(`changed: ${options.compare}\n`);
  io.out.write(`\n${formatReport(cli, variants)}`);
  return EXIT.done;
}

interface Series {
  readonly plan: Plan;
  readonly rounds: number;
  readonly flags: Readonly<Record<string, unknown>>;
}

/** Runs one simulation per round, each with the next seed. */
function runAll(io: Io, name: string, { plan, rounds, flags }: Series): readonly ExperimentResult[] {
  const { swim, serf } = resolveFlags(flags);
  return Array.from({ length: rounds }, (_, round) => {
    if (io.err.isTerminal) printNotice(io, `${name}: run ${round + 1} of ${rounds} ...`);
    return runExperiment({ ...plan, seed: plan.seed + round, swim, serf });
  });
}

/** A table with one column per variant, then a dissemination curve for each. */
function formatReport(cli: CliContext, variants: readonly Variant[]): string {
  const reports = variants.map(({ results }) => summarizeRounds(results));
  const table = formatTable(
    ['', ...variants.map(({ name }) => name.toUpperCase())],
    REPORT_ROWS.map(({ label, show }) => [label, ...reports.map(show)]),
    (cell, column) => (column === 0 ? cli.colors.dim(cell) : cell),
  );
  const curves = variants.map(({ name, results }) => {
    const lines = renderDisseminationCurve(results);
    if (lines.length === 0) return '';
    return `\nMembers that know of a crash, ${name}:\n${lines.map((line) => `  ${line}\n`).join('')}`;
  });
  return table + curves.join('');
}

type Plan = Omit<ExperimentOptions, 'swim' | 'serf'>;

function parsePlan(options: Options): Plan {
  const members = parseInteger(options.members, '--members', { fallback: 50, min: 2, max: 2000 });
  const duration = parseSpan(options.duration ?? '60s', '--duration', 1000, 3_600_000);
  const most = members - 2;
  const kills = parseInteger(options.kill, '--kill', { fallback: Math.min(3, most), min: 0, max: most });
  return {
    members,
    seed: parseInteger(options.seed, '--seed', { fallback: 1, min: 0, max: 2 ** 31 }),
    duration,
    loss: parseShare(options.loss ?? '0'),
    latency: parseSpan(options.latency ?? '0.5ms', '--latency', 0, 10_000),
    kills,
    ...(options.pause === undefined ? {} : { pauses: parsePauses(options.pause, members - kills) }),
    ...(options.partition === undefined
      ? {}
      : { partition: parseSpan(options.partition, '--partition', 1, duration) }),
  };
}

/** Of the other options only those of `--jobs` are taken. */
function parseJobPlan(options: Options): JobPlan {
  for (const key of ['loss', 'latency', 'kill', 'pause', 'partition', 'compare'] as const)
    if (options[key] !== undefined)
      throw new CliError(
        EXIT.usage,
        `--${key}: with --jobs all faults are simulated, one after the other: leave it out`,
      );
  return {
    members: parseInteger(options.members, '--members', { fallback: 6, min: 3, max: 100 }),
    seed: parseInteger(options.seed, '--seed', { fallback: 1, min: 0, max: 2 ** 31 }),
    duration: parseSpan(options.duration ?? '60s', '--duration', 1000, 3_600_000),
    rounds: parseInteger(options.rounds, '--rounds', { fallback: 1, min: 1, max: 100_000 }),
    jobs: parseInteger(typeof options.jobs === 'string' ? options.jobs : undefined, '--jobs', {
      fallback: 1,
      min: 1,
      max: 200,
    }),
    faults: parseFaults(options.faults),
  };
}

function parseFaults(text: string | undefined): readonly JobFault[] {
  if (text === undefined) return JOB_FAULTS;
  return text.split(',').map((name) => {
    const fault = JOB_FAULTS.find((one) => one === name.trim());
    if (fault === undefined)
      throw new CliError(EXIT.usage, `--faults: "${name}" is none of ${JOB_FAULTS.join(', ')}`);
    return fault;
  });
}

/** Settings come from flags alone: environment and files do not change what a seed means. */
function resolveFlags(flags: Readonly<Record<string, unknown>>): AgentConfig {
  return resolveConfig({ flags, env: {}, files: [], hostname: 'simulated' }).config;
}

function parseChanges(text: string): Record<string, string> {
  const changes: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const at = pair.indexOf('=');
    const key = pair.slice(0, at).trim();
    const entry = SETTINGS.get(key);
    if (at < 0 || entry === undefined || !isDetectorSetting(entry))
      throw new CliError(
        EXIT.usage,
        `--compare: "${pair}" is not a setting of the failure detector: write one as swim.probeInterval=500ms (see \`hearsay config\`)`,
      );
    changes[key] = pair.slice(at + 1).trim();
  }
  return changes;
}

function parsePauses(text: string, maxMembers: number): NonNullable<Plan['pauses']> {
  const [members, span, every, rest] = text.split(':');
  if (span === undefined || every === undefined || rest !== undefined)
    throw new CliError(EXIT.usage, `--pause: "${text}" is not N:SPAN:EVERY: write it as 4:2s:5s`);
  const pauses = {
    members: parseInteger(members, '--pause', { fallback: 1, min: 1, max: maxMembers }),
    span: parseSpan(span, '--pause', 1, 3_600_000),
    every: parseSpan(every, '--pause', 1, 3_600_000),
  };
  if (pauses.every <= pauses.span)
    throw new CliError(EXIT.usage, '--pause: EVERY must be longer than SPAN, or the members never run');
  return pauses;
}

function parseInteger(
  text: string | undefined,
  name: string,
  { fallback, min, max }: { readonly fallback: number; readonly min: number; readonly max: number },
): number {
  if (text === undefined) return fallback;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new CliError(EXIT.usage, `${name}: must be a whole number from ${min} to ${max}`);
  return value;
}

function parseShare(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 1))
    throw new CliError(EXIT.usage, '--loss: must be a share below 1, such as 0.05 or 5%');
  return value;
}

/** Milliseconds. Throws `CliError` outside of `min` to `max`. */
function parseSpan(text: string, name: string, min: number, max: number): number {
  let value: number;
  try {
    value = parseDuration(text);
  } catch {
    throw new CliError(EXIT.usage, `${name}: "${text}" is not a duration such as 500ms or 1m30s`);
  }
  if (value < min || value > max)
    throw new CliError(EXIT.usage, `${name}: must be from ${formatDuration(min)} to ${formatDuration(max)}`);
  return value;
}

function describePlan(
  { members, duration, loss, latency, kills, pauses, partition, seed }: Plan,
  rounds: number,
): string {
  const parts = [
    `${members} members`,
    `${duration / 1000} s`,
    `${latency} ms one way`,
    ...(loss > 0 ? [`${+(loss * 100).toFixed(2)} % loss`] : []),
    ...(kills > 0 ? [`${kills} killed`] : []),
    ...(pauses === undefined
      ? []
      : [`${pauses.members} paused for ${pauses.span / 1000} s every ${pauses.every / 1000} s`]),
    ...(partition === undefined ? [] : [`a third partitioned for ${partition / 1000} s`]),
  ];
  const seeds = rounds === 1 ? `seed ${seed}` : `seeds ${seed} to ${seed + rounds - 1}`;
  return `${parts.join(', ')}; ${seeds}`;
}
