/** The results of a simulation over all its rounds: as numbers, as table rows, as a dissemination curve. */
import type { ExperimentResult } from '../../sim/scenarios/experiment.ts';

/** Times in milliseconds, `null` if nothing was measured. Traffic is per member and second. */
export interface SimulationReport {
  readonly firstDetection: Distribution | null;
  readonly fullDetection: Distribution | null;
  /** Crashes that some member never detected. */
  readonly undetected: number;
  /** Healthy members declared dead; then those declared by healthy members. */
  readonly falsePositives: number;
  readonly falsePositivesAtHealthy: number;
  readonly falseSuspicions: number;
  /** Paused or partitioned members declared dead. */
  readonly unreachableDeclaredDead: number;
  readonly packets: number;
  readonly packetBytes: number;
  readonly streamBytes: number;
  /** Of the slowest round; `null` if some round did not converge. */
  readonly convergedAfter: number | null;
}

export interface Distribution {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

export function summarizeRounds(rounds: readonly ExperimentResult[]): SimulationReport {
  const sum = (read: (result: ExperimentResult) => number): number =>
    rounds.reduce((total, one) => total + read(one), 0);
  const mean = (read: (result: ExperimentResult) => number): number => sum(read) / rounds.length;
  const converged = rounds.map((one) => one.agreedAfter);
  return {
    firstDetection: distribution(rounds.flatMap(({ first }) => first)),
    fullDetection: distribution(rounds.flatMap(({ all }) => all)),
    undetected: sum((one) => one.unnoticed),
    falsePositives: sum((one) => one.falseDeaths),
    falsePositivesAtHealthy: sum((one) => one.falseDeathsAtHealthy),
    falseSuspicions: sum((one) => one.falseSuspicions),
    unreachableDeclaredDead: sum((one) => one.unreachableDeclaredDead),
    packets: round(
      mean((one) => one.packets),
      2,
    ),
    packetBytes: round(
      mean((one) => one.packetBytes),
      1,
    ),
    streamBytes: round(
      mean((one) => one.streamBytes),
      1,
    ),
    convergedAfter: converged.includes(undefined)
      ? null
      : Math.max(...converged.map((span) => Math.round(span ?? 0))),
  };
}

function distribution(values: readonly number[]): Distribution | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b).map(Math.round);
  const at = (part: number): number => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] as number;
  return { count: sorted.length, median: at(0.5), p99: at(0.99), max: at(1) };
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** The rows of the table, in order. */
export const REPORT_ROWS: readonly { readonly label: string; show(report: SimulationReport): string }[] = [
  { label: 'crash: first detection', show: ({ firstDetection }) => formatDistribution(firstDetection) },
  { label: 'crash: full dissemination', show: ({ fullDetection }) => formatDistribution(fullDetection) },
  { label: 'undetected crashes', show: ({ undetected }) => String(undetected) },
  {
    label: 'healthy members declared dead (false positives)',
    show: ({ falsePositives }) => String(falsePositives),
  },
  {
    label: 'false positives at healthy members',
    show: ({ falsePositivesAtHealthy }) => String(falsePositivesAtHealthy),
  },
  { label: 'healthy members suspected', show: ({ falseSuspicions }) => String(falseSuspicions) },
  {
    label: 'paused or partitioned members declared dead',
    show: ({ unreachableDeclaredDead }) => String(unreachableDeclaredDead),
  },
  { label: 'packets per member and second', show: ({ packets }) => packets.toFixed(2) },
  { label: 'UDP bytes per member and second', show: ({ packetBytes }) => packetBytes.toFixed(0) },
  { label: 'TCP bytes per member and second', show: ({ streamBytes }) => streamBytes.toFixed(0) },
  { label: 'converged after all faults', show: ({ convergedAfter }) => formatConvergence(convergedAfter) },
];

const formatDistribution = (times: Distribution | null): string =>
  times === null
    ? '-'
    : times.count === 1
      ? seconds(times.median)
      : `${seconds(times.median)} (p99 ${seconds(times.p99)}, max ${seconds(times.max)})`;

function formatConvergence(span: number | null): string {
  if (span === null) return 'not within 3 minutes';
  return span === 0 ? 'at once' : `after ${seconds(span)}`;
}

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`;

const WIDTH = 40;
const ROWS = 12;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** The share of members that know of a crash, by seconds since it; one line per step. Empty without crashes. */
export function renderDisseminationCurve(rounds: readonly ExperimentResult[]): string[] {
  const known = rounds.flatMap((one) => one.known).sort((a, b) => a - b);
  const [first] = known;
  const last = known.at(-1);
  if (first === undefined || last === undefined) return [];
  const step = niceStep((last - first) / (ROWS - 1));
  const lines: string[] = [];
  for (let at = Math.floor(first / step) * step; ; at += step) {
    const share = known.filter((one) => one <= at).length / known.length;
    const percent = `${(share * 100).toFixed(0)}`.padStart(3);
    lines.push(`${(at / 1000).toFixed(1).padStart(6)} s ${percent} % ${bar(share)}`.trimEnd());
    if (share === 1) return lines;
  }
}

function bar(share: number): string {
  const eighths = Math.round(share * WIDTH * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}

/** A round step in milliseconds: 1, 2 or 5 times a power of ten, at least `least` and 50. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(50, least)));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= Math.max(50, least)) as number;
}
