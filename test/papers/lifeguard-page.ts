/** The part of the page on Lifeguard: false positives, detection, load, α and β. */
import type { AnomalyCounts } from './anomaly.ts';
import { ALPHAS, BETAS, CONFIG_NAMES, type ConfigName } from './configs.ts';
import {
  formatBar,
  formatCount,
  formatPercent,
  formatSeconds,
  formatTimesFewer,
  markdownTable,
  percentiles,
  sumBy,
} from './figures.ts';
import type { PaperRun } from './plan.ts';

interface Row {
  readonly seed: number;
  readonly config: string;
  readonly cell: readonly number[];
  readonly counts: AnomalyCounts;
}

/** What the paper says of each configuration in words, and a remark on ours. */
const PAPER_CLAIMS: Readonly<Record<ConfigName, readonly [paper: string, remark: string]>> = {
  SWIM: ['100 %', 'the baseline'],
  'LHA-Probe': [
    '',
    'only the interval grows with bad health, as in memberlist; in the paper the timeout as well',
  ],
  'LHA-Suspicion': [
    '',
    'a suspicion that nobody confirms lasts 63 s: time for the refutation that waits in the socket',
  ],
  'Buddy System': ['', 'notifies the accused earlier, if the accuser pings it again'],
  Lifeguard: ['1 to 2 % ("a factor of between 50x and 100x")', 'all three'],
  hearsay: ['', 'default settings, α = 4'],
};

/** What the paper's summary says of Lifeguard with β = 6: first detection, and how many times fewer false positives. */
const PAPER_TUNING_CLAIMS: Readonly<Record<number, readonly [detection: string, falsePositives: string]>> = {
  2: ['"nearly 50 % faster"', '"7x" fewer: 14 %'],
  4: ['"20 % faster"', '"20x" fewer: 5 %'],
  5: ['"modestly" slower', '"50x to 100x" fewer: 1 to 2 %'],
};

const rowsOf = (done: readonly PaperRun[], part: 'interval' | 'threshold' | 'tuning'): Row[] =>
  done
    .filter(({ job }) => job.part === part)
    .map(({ job, result }) => ({
      seed: job.seed,
      config: job.config,
      cell: job.cell,
      counts: result as AnomalyCounts,
    }));

const rowsWithConfig = (rows: readonly Row[], config: string): Row[] =>
  rows.filter((row) => row.config === config);
const fp = (rows: readonly Row[]): number => sumBy(rows, ({ counts }) => counts.fp);
const fpHealthy = (rows: readonly Row[]): number => sumBy(rows, ({ counts }) => counts.fpHealthy);

/** False positives over all cells. Source: Lifeguard §V, aggregated false positives. */
export function falsePositiveTable(done: readonly PaperRun[]): string {
  const rows = rowsOf(done, 'interval');
  const base = rowsWithConfig(rows, 'SWIM');
  return markdownTable(
    ['Configuration', 'FP', 'FP-', 'FP, % of SWIM', 'FP-, % of SWIM', 'Paper: FP', 'Remark'],
    CONFIG_NAMES.map((config) => {
      const own = rowsWithConfig(rows, config);
      const [paper, remark] = PAPER_CLAIMS[config];
      return [
        config,
        formatCount(fp(own)),
        formatCount(fpHealthy(own)),
        formatPercent(fp(own), fp(base)),
        formatPercent(fpHealthy(own), fpHealthy(base)),
        paper,
        remark,
      ];
    }),
  );
}

/** One sentence on the goal: fifty times fewer, in the same seeds. */
export function fiftyTimesClaim(done: readonly PaperRun[]): string {
  const rows = rowsOf(done, 'interval');
  const [base, lifeguard, ours] = [
    rowsWithConfig(rows, 'SWIM'),
    rowsWithConfig(rows, 'Lifeguard'),
    rowsWithConfig(rows, 'hearsay'),
  ];
  const claim = (few: number): string =>
    few * 50 <= fp(base) ? 'at least fifty times fewer' : '**not** fifty times fewer';
  return [
    `In the same seeds and cells: SWIM ${formatCount(fp(base))}, Lifeguard ${formatCount(fp(lifeguard))} (${formatTimesFewer(fp(base), fp(lifeguard))}: ${claim(fp(lifeguard))}),`,
    `hearsay with the default settings ${formatCount(fp(ours))} (${formatTimesFewer(fp(base), fp(ours))}: ${claim(fp(ours))}).`,
  ].join('\n');
}

/** Where the false positives are: one line per cell. */
export function falsePositivesByCell(done: readonly PaperRun[]): string {
  const rows = rowsOf(done, 'interval');
  const cells = [...new Set(rows.map(({ cell }) => cell.join(' ')))]
    .map((text) => text.split(' ').map(Number))
    .sort(byNumbers);
  const most = Math.max(0, ...cells.map((cell) => fp(rowsInCell(rowsWithConfig(rows, 'SWIM'), cell))));
  const shown = ['SWIM', 'LHA-Probe', 'LHA-Suspicion', 'Buddy System', 'Lifeguard', 'hearsay'] as const;
  const lines = cells.map((cell) => {
    const [c = 0, d = 0, i = 0] = cell;
    const numbers = shown
      .map((config) => String(fp(rowsInCell(rowsWithConfig(rows, config), cell))).padStart(config.length + 1))
      .join(' ');
    const base = fp(rowsInCell(rowsWithConfig(rows, 'SWIM'), cell));
    return `${String(c).padStart(3)} ${String(d).padStart(7)} ${String(i).padStart(6)} ${numbers}  ${formatBar(base, most, 20)}`.trimEnd();
  });
  const head = `  C    D ms   I ms ${shown.map((config) => config.padStart(config.length + 1)).join(' ')}  SWIM, by powers of ten`;
  return ['```', head, ...lines, '```'].join('\n');
}

const rowsInCell = (rows: readonly Row[], cell: readonly number[]): Row[] =>
  rows.filter((row) => row.cell.join(' ') === cell.join(' '));

const byNumbers = (one: readonly number[], other: readonly number[]): number =>
  one.map((value, i) => value - (other[i] ?? 0)).find((difference) => difference !== 0) ?? 0;

/** First detection and full dissemination. Source: Lifeguard §V, detection and dissemination latency. */
export function detectionTable(done: readonly PaperRun[]): string {
  const rows = rowsOf(done, 'threshold');
  return markdownTable(
    [
      'Configuration',
      'Detections',
      'First: median',
      '99 %',
      '99.9 %',
      'All: median',
      '99 %',
      '99.9 %',
      'Not by all',
    ],
    CONFIG_NAMES.map((config) => {
      const own = rowsWithConfig(rows, config);
      const first = own.flatMap(({ counts }) => counts.first);
      const all = own.flatMap(({ counts }) => counts.all);
      return [
        config,
        formatCount(first.length),
        ...percentiles(first).map(formatSeconds),
        ...percentiles(all).map(formatSeconds),
        formatCount(sumBy(own, ({ counts }) => counts.unnoticed)),
      ];
    }),
  );
}

/** What is sent, relative to SWIM. Source: Lifeguard §V, message load. */
export function messageLoadTable(done: readonly PaperRun[]): string {
  const rows = rowsOf(done, 'interval');
  const base = rowsWithConfig(rows, 'SWIM');
  const packets = (list: readonly Row[]): number => sumBy(list, ({ counts }) => counts.packets);
  const bytes = (list: readonly Row[]): number => sumBy(list, ({ counts }) => counts.bytes);
  const time = (list: readonly Row[]): number => sumBy(list, ({ counts }) => counts.virtual) / 1000;
  return markdownTable(
    [
      'Configuration',
      'Datagrams, millions',
      'Bytes, millions',
      'Datagrams, % of SWIM',
      'Bytes, % of SWIM',
      'Datagrams per member and second',
    ],
    CONFIG_NAMES.map((config) => {
      const own = rowsWithConfig(rows, config);
      return [
        config,
        (packets(own) / 1e6).toFixed(2),
        (bytes(own) / 1e6).toFixed(0),
        formatPercent(packets(own), packets(base)),
        formatPercent(bytes(own), bytes(base)),
        (packets(own) / time(own) / 128).toFixed(1),
      ];
    }),
  );
}

/** Lengths of suspicion. Source: Lifeguard §V, tuning of α and β. */
export function tuningTable(done: readonly PaperRun[]): string {
  const rows = rowsOf(done, 'tuning');
  const seeds = new Set(rows.map(({ seed }) => seed));
  const baseDetection = rowsWithConfig(rowsOf(done, 'threshold'), 'SWIM').filter(
    ({ cell, seed }) => cell[0] === 16 && seeds.has(seed),
  );
  const cells = [...new Set(rows.filter(({ cell }) => cell.length === 3).map(({ cell }) => cell.join(' ')))];
  const base = rowsOf(done, 'interval').filter(
    ({ config, cell }) => config === 'SWIM' && cells.includes(cell.join(' ')),
  );
  const [median = 0] = percentiles(baseDetection.flatMap(({ counts }) => counts.first));
  return markdownTable(
    ['α', 'β', 'First: median, s', '% of SWIM', 'Paper', 'All: median, s', 'FP', 'FP, % of SWIM', 'Paper'],
    ALPHAS.flatMap((alpha) =>
      BETAS.map((beta) => {
        const own = rowsWithConfig(rows, `${alpha}/${beta}`);
        const once = own.filter(({ cell }) => cell.length === 1);
        const again = own.filter(({ cell }) => cell.length === 3);
        const [first] = percentiles(once.flatMap(({ counts }) => counts.first));
        const [all] = percentiles(once.flatMap(({ counts }) => counts.all));
        const [detection, falsePositives] = PAPER_TUNING_CLAIMS[alpha] ?? ['', ''];
        return [
          String(alpha),
          String(beta),
          formatSeconds(first),
          formatPercent(first, median),
          beta === 6 ? detection : '',
          formatSeconds(all),
          formatCount(fp(again)),
          formatPercent(fp(again), fp(base)),
          beta === 6 ? falsePositives : '',
        ];
      }),
    ),
  );
}
