/** `hearsay simulate`: the protocol core in a world of its own. What would happen, with these settings, and how fast. */
import type { Command } from 'commander';
import { resolveConfig } from '../../config/resolve.ts';
import { type AgentConfig, SETTINGS } from '../../config/schema.ts';
import { parseDuration } from '../../config/setting.ts';
import {
  type ExperimentOptions,
  type ExperimentResult,
  runExperiment,
} from '../../sim/scenarios/experiment.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  printNotice,
  toAction,
} from '../command.ts';
import { addSettingOptions, readSettingFlags } from '../input/settings.ts';
import { REPORT_ROWS, renderDisseminationCurve, summarizeRounds } from '../output/simulation-report.ts';
import { formatTable } from '../output/table.ts';

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
  readonly json?: boolean;
}

export const simulateCommand: CommandBuilder = (command, cli) => {
  command
    .option('--members <n>', 'how many agents, 2 to 2000 (default: 50)')
    .option('--seed <n>', 'same seed, same numbers (default: 1)')
    .option('--rounds <n>', 'worlds, each with the next seed; figures are of all together (default: 1)')
    .option('--duration <span>', 'how long is measured (default: 60s)')
    .option('--loss <share>', 'of datagrams: 0.05 or 5% (default: 0)')
    .option('--latency <span>', 'one way, between any two (default: 0.5ms)')
    .option('--kill <n>', 'members that die, evenly spread (default: 3)')
    .option('--pause <n:span:every>', 'n members stop for a span, again and again: 4:2s:5s')
    .option('--partition <span>', 'cuts a third off in the middle, for so long')
    .option('--compare <key=value,...>', 'a second column with these settings changed: swim.suspicionMult=6')
    .option('--json', 'one JSON document on stdout');
  addSettingOptions(command, (entry) => entry.section === 'swim' || entry.key === 'preset').action(
    toAction(cli, (options: Options, self: Command) => simulate(cli, options, self)),
  );
  addExample(
    command,
    'hearsay simulate --members 100 --loss 5% --pause 10:4s:8s --compare swim.awarenessMax=1',
  );
};

async function simulate(cli: CliContext, options: Options, command: Command): Promise<number> {
  const { io } = cli;
  const base = planOf(options);
  const rounds = parseInteger(options.rounds, '--rounds', 1, 1, 1000);
  const flags = readSettingFlags(command);
  const variants = [
    { name: 'as given', changes: {} },
    ...(options.compare === undefined ? [] : [{ name: 'changed', changes: changesIn(options.compare) }]),
  ];
  const results: { name: string; findings: ExperimentResult[] }[] = [];
  for (const { name, changes } of variants) {
    const config = configOf({ ...flags, ...changes });
    const findings: ExperimentResult[] = [];
    for (let round = 0; round < rounds; round++) {
      if (io.err.isTerminal) printNotice(io, `${name}: world ${round + 1} of ${rounds} ...`);
      findings.push(
        runExperiment({ ...base, seed: base.seed + round, swim: config.swim, serf: config.serf }),
      );
    }
    results.push({ name, findings });
  }
  if (options.json === true) {
    printJson(io, {
      asked: { ...base, rounds },
      results: results.map(({ name, findings }) => ({
        settings: name,
        ...summarizeRounds(findings),
        traces: findings.map(({ hash }) => hash),
      })),
    });
    return EXIT.done;
  }
  io.out.write(`${describePlan(base, rounds)}\n`);
  if (options.compare !== undefined) io.out.write(`changed: ${options.compare}\n`);
  io.out.write('\n');
  const figures = results.map(({ findings }) => summarizeRounds(findings));
  io.out.write(
    formatTable(
      ['', ...results.map(({ name }) => name.toUpperCase())],
      REPORT_ROWS.map(({ label, show }) => [label, ...figures.map(show)]),
      (cell, column) => (column === 0 ? cli.colors.dim(cell) : cell),
    ),
  );
  for (const { name, findings } of results) {
    const lines = renderDisseminationCurve(findings);
    if (lines.length > 0)
      io.out.write(
        `\nMembers that know of a crash, ${name}:\n${lines.map((line) => `  ${line}\n`).join('')}`,
      );
  }
  return EXIT.done;
}

type Plan = Omit<ExperimentOptions, 'swim' | 'serf'>;

function planOf(options: Options): Plan {
  const members = parseInteger(options.members, '--members', 50, 2, 2000);
  const duration = parseSpan(options.duration ?? '60s', '--duration', 1000, 3_600_000);
  const kills = parseInteger(options.kill, '--kill', Math.min(3, members - 2), 0, members - 2);
  const plan: Plan = {
    members,
    seed: parseInteger(options.seed, '--seed', 1, 0, 2 ** 31),
    duration,
    loss: parseShare(options.loss ?? '0'),
    latency: parseSpan(options.latency ?? '0.5ms', '--latency', 0, 10_000),
    kills,
    ...(options.pause === undefined ? {} : { pauses: pausesIn(options.pause, members - kills) }),
    ...(options.partition === undefined
      ? {}
      : { partition: parseSpan(options.partition, '--partition', 1, duration) }),
  };
  return plan;
}

/** Settings come from flags alone: neither environment nor files change what a seed means. */
function configOf(flags: Readonly<Record<string, unknown>>): AgentConfig {
  return resolveConfig({ flags, env: {}, files: [], hostname: 'simulated' }).config;
}

function changesIn(text: string): Record<string, string> {
  const changes: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const at = pair.indexOf('=');
    const key = pair.slice(0, at).trim();
    const entry = SETTINGS.get(key);
    if (at < 0 || entry === undefined || (entry.section !== 'swim' && key !== 'preset'))
      throw new CliError(
        EXIT.usage,
        `--compare: "${pair}" is not a setting of the failure detector; write one as swim.probeInterval=500ms (see \`hearsay config\`)`,
      );
    changes[key] = pair.slice(at + 1).trim();
  }
  return changes;
}

function pausesIn(text: string, most: number): NonNullable<Plan['pauses']> {
  const [members, long, every, rest] = text.split(':');
  if (long === undefined || every === undefined || rest !== undefined)
    throw new CliError(EXIT.usage, `--pause: "${text}" is not N:SPAN:EVERY; write 4:2s:5s`);
  const pauses = {
    members: parseInteger(members, '--pause', 1, 1, most),
    span: parseSpan(long, '--pause', 1, 3_600_000),
    every: parseSpan(every, '--pause', 1, 3_600_000),
  };
  if (pauses.every <= pauses.span)
    throw new CliError(EXIT.usage, '--pause: EVERY must be longer than SPAN, or they never run');
  return pauses;
}

function parseInteger(
  text: string | undefined,
  name: string,
  usual: number,
  min: number,
  max: number,
): number {
  if (text === undefined) return usual;
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

function parseSpan(text: string, name: string, min: number, max: number): number {
  let value: number;
  try {
    value = parseDuration(text);
  } catch {
    throw new CliError(EXIT.usage, `${name}: "${text}" is not a duration such as 500ms or 1m30s`);
  }
  if (value < min || value > max)
    throw new CliError(EXIT.usage, `${name}: must be from ${min} ms to ${max / 1000} s`);
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
    ...(partition === undefined ? [] : [`a third cut off for ${partition / 1000} s`]),
  ];
  const seeds = rounds === 1 ? `seed ${seed}` : `seeds ${seed} to ${seed + rounds - 1}`;
  return `${parts.join(', ')}; ${seeds}`;
}
