/** What a simulation found, over all its rounds: as numbers, as rows of a table, as a small picture. */
import type { ExperimentResult } from '../../sim/scenarios/experiment.ts';

/** Times in milliseconds, `null` where nothing was measured; traffic per member and second. */
export interface SimulationReport {
  readonly firstDetection: Distribution | null;
  readonly fullDetection: Distribution | null;
  readonly unnoticed: number;
  readonly falseDeaths: number;
  readonly falseDeathsAtHealthy: number;
  readonly falseSuspicions: number;
  readonly strickenHeldDead: number;
  readonly packets: number;
  readonly packetBytes: number;
  readonly streamBytes: number;
  /** The slowest round; `null`: some round never agreed. */
  readonly agreedAfter: number | null;
}

export interface Distribution {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

export function summarizeRounds(rounds: readonly ExperimentResult[]): SimulationReport {
  const sum = (of: (findings: ExperimentResult) => number): number =>
    rounds.reduce((all, one) => all + of(one), 0);
  const mean = (of: (findings: ExperimentResult) => number): number => sum(of) / rounds.length;
  const agreed = rounds.map((one) => one.agreedAfter);
  return {
    firstDetection: distribution(rounds.flatMap(({ first }) => first)),
    fullDetection: distribution(rounds.flatMap(({ all }) => all)),
    unnoticed: sum((one) => one.unnoticed),
    falseDeaths: sum((one) => one.falseDeaths),
    falseDeathsAtHealthy: sum((one) => one.falseDeathsAtHealthy),
    falseSuspicions: sum((one) => one.falseSuspicions),
    strickenHeldDead: sum((one) => one.strickenHeldDead),
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
    agreedAfter: agreed.includes(undefined) ? null : Math.max(...agreed.map((span) => Math.round(span ?? 0))),
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
export const REPORT_ROWS: readonly { readonly label: string; show(figures: SimulationReport): string }[] = [
  { label: 'crash, until the first knows', show: ({ firstDetection }) => words(firstDetection) },
  { label: 'crash, until all know', show: ({ fullDetection }) => words(fullDetection) },
  { label: 'crashes not known to all', show: ({ unnoticed }) => String(unnoticed) },
  { label: 'healthy members held for dead', show: ({ falseDeaths }) => String(falseDeaths) },
  {
    label: 'of those, by healthy members',
    show: ({ falseDeathsAtHealthy }) => String(falseDeathsAtHealthy),
  },
  { label: 'healthy members suspected', show: ({ falseSuspicions }) => String(falseSuspicions) },
  { label: 'paused or cut off, held for dead', show: ({ strickenHeldDead }) => String(strickenHeldDead) },
  { label: 'packets per member and second', show: ({ packets }) => packets.toFixed(2) },
  { label: 'bytes of packets, likewise', show: ({ packetBytes }) => packetBytes.toFixed(0) },
  { label: 'bytes of streams, likewise', show: ({ streamBytes }) => streamBytes.toFixed(0) },
  {
    label: 'after all faults, all agreed',
    show: ({ agreedAfter }) => agreedWords(agreedAfter),
  },
];

const words = (found: Distribution | null): string =>
  found === null
    ? '-'
    : found.count === 1
      ? seconds(found.median)
      : `${seconds(found.median)} (p99 ${seconds(found.p99)}, worst ${seconds(found.max)})`;

function agreedWords(span: number | null): string {
  if (span === null) return 'not within 3 minutes';
  return span === 0 ? 'at once' : `after ${seconds(span)}`;
}

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`;

const WIDTH = 40;
const ROWS = 12;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** The share of those who know, by seconds since the crash; one line per step. Empty if nobody died. */
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

/** 1, 2 or 5 times a power of ten, at least `least` and 50 ms. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(50, least)));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= Math.max(50, least)) as number;
}
