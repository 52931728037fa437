/** The part of the page on Lifeguard: false positives, detection, load, α and β. */
import type { AnomalyCounts } from './anomaly.ts';
import { ALPHAS, BETAS, CONFIG_NAMES, type ConfigName } from './configs.ts';
import { bar, count, fewer, percent, percentiles, seconds, sum, table } from './figures.ts';
import type { Done } from './plan.ts';

interface Row {
  readonly seed: number;
  readonly config: string;
  readonly cell: readonly number[];
  readonly counts: AnomalyCounts;
}

/** What the paper says of each configuration in words, and what to know of ours. */
const SAID: Readonly<Record<ConfigName, readonly [paper: string, remark: string]>> = {
  SWIM: ['100 %', 'the baseline'],
  'LHA-Probe': [
    '',
    'only the interval grows with bad health, as in memberlist; in the paper the timeout as well',
  ],
  'LHA-Suspicion': [
    '',
    'a suspicion nobody confirms lasts 63 s: time for the answer that waits in the socket',
  ],
  'Buddy System': ['', 'tells the accused sooner, if the accuser comes to ping it again'],
  Lifeguard: ['1 to 2 % ("a factor of between 50x and 100x")', 'all three'],
  hearsay: ['', 'as it ships, α = 4'],
};

/** What the paper's summary says of Lifeguard with β = 6: first detection, and how many times fewer false positives. */
const ADVICE: Readonly<Record<number, readonly [detection: string, falsePositives: string]>> = {
  2: ['"nearly 50 % faster"', '"7x" fewer: 14 %'],
  4: ['"20 % faster"', '"20x" fewer: 5 %'],
  5: ['"modestly" slower', '"50x to 100x" fewer: 1 to 2 %'],
};

const rowsOf = (done: readonly Done[], part: 'interval' | 'threshold' | 'tuning'): Row[] =>
  done
    .filter(({ job }) => job.part === part)
    .map(({ job, result }) => ({
      seed: job.seed,
      config: job.config,
      cell: job.cell,
      counts: result as AnomalyCounts,
    }));

const of = (rows: readonly Row[], config: string): Row[] => rows.filter((row) => row.config === config);
const fp = (rows: readonly Row[]): number => sum(rows, ({ counts }) => counts.fp);
const fpHealthy = (rows: readonly Row[]): number => sum(rows, ({ counts }) => counts.fpHealthy);

/** False positives over all cells. Source: Lifeguard §V, aggregated false positives. */
export function falsePositives(done: readonly Done[]): string {
  const rows = rowsOf(done, 'interval');
  const base = of(rows, 'SWIM');
  return table(
    ['Configuration', 'FP', 'FP-', 'FP, % of SWIM', 'FP-, % of SWIM', 'Paper: FP', 'Remark'],
    CONFIG_NAMES.map((config) => {
      const own = of(rows, config);
      const [paper, remark] = SAID[config];
      return [
        config,
        count(fp(own)),
        count(fpHealthy(own)),
        percent(fp(own), fp(base)),
        percent(fpHealthy(own), fpHealthy(base)),
        paper,
        remark,
      ];
    }),
  );
}

/** One sentence on the goal: fifty times fewer, in the same seeds. */
export function fiftyTimes(done: readonly Done[]): string {
  const rows = rowsOf(done, 'interval');
  const [base, lifeguard, ours] = [of(rows, 'SWIM'), of(rows, 'Lifeguard'), of(rows, 'hearsay')];
  const verdict = (few: number): string =>
    few * 50 <= fp(base) ? 'at least fifty times fewer' : '**not** fifty times fewer';
  return [
    `In the same seeds and cells: SWIM ${count(fp(base))}, Lifeguard ${count(fp(lifeguard))} (${fewer(fp(base), fp(lifeguard))}: ${verdict(fp(lifeguard))}),`,
    `hearsay as it ships ${count(fp(ours))} (${fewer(fp(base), fp(ours))}: ${verdict(fp(ours))}).`,
  ].join('\n');
}

/** Where the false positives are: one line per cell. */
export function byCell(done: readonly Done[]): string {
  const rows = rowsOf(done, 'interval');
  const cells = [...new Set(rows.map(({ cell }) => cell.join(' ')))]
    .map((text) => text.split(' ').map(Number))
    .sort(byNumbers);
  const most = Math.max(0, ...cells.map((cell) => fp(at(of(rows, 'SWIM'), cell))));
  const shown = ['SWIM', 'LHA-Probe', 'LHA-Suspicion', 'Buddy System', 'Lifeguard', 'hearsay'] as const;
  const lines = cells.map((cell) => {
    const [c = 0, d = 0, i = 0] = cell;
    const numbers = shown
      .map((config) => String(fp(at(of(rows, config), cell))).padStart(config.length + 1))
      .join(' ');
    const base = fp(at(of(rows, 'SWIM'), cell));
    return `${String(c).padStart(3)} ${String(d).padStart(7)} ${String(i).padStart(6)} ${numbers}  ${bar(base, most, 20)}`.trimEnd();
  });
  const head = `  C    D ms   I ms ${shown.map((config) => config.padStart(config.length + 1)).join(' ')}  SWIM, by powers of ten`;
  return ['```', head, ...lines, '```'].join('\n');
}

const at = (rows: readonly Row[], cell: readonly number[]): Row[] =>
  rows.filter((row) => row.cell.join(' ') === cell.join(' '));

const byNumbers = (one: readonly number[], other: readonly number[]): number =>
  one.map((value, i) => value - (other[i] ?? 0)).find((difference) => difference !== 0) ?? 0;

/** First detection and full dissemination. Source: Lifeguard §V, detection and dissemination latency. */
export function detection(done: readonly Done[]): string {
  const rows = rowsOf(done, 'threshold');
  return table(
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
      const own = of(rows, config);
      const first = own.flatMap(({ counts }) => counts.first);
      const all = own.flatMap(({ counts }) => counts.all);
      return [
        config,
        count(first.length),
        ...percentiles(first).map(seconds),
        ...percentiles(all).map(seconds),
        count(sum(own, ({ counts }) => counts.unnoticed)),
      ];
    }),
  );
}

/** What is sent, relative to SWIM. Source: Lifeguard §V, message load. */
export function messages(done: readonly Done[]): string {
  const rows = rowsOf(done, 'interval');
  const base = of(rows, 'SWIM');
  const packets = (list: readonly Row[]): number => sum(list, ({ counts }) => counts.packets);
  const bytes = (list: readonly Row[]): number => sum(list, ({ counts }) => counts.bytes);
  const time = (list: readonly Row[]): number => sum(list, ({ counts }) => counts.virtual) / 1000;
  return table(
    [
      'Configuration',
      'Datagrams, millions',
      'Bytes, millions',
      'Datagrams, % of SWIM',
      'Bytes, % of SWIM',
      'Datagrams per member and second',
    ],
    CONFIG_NAMES.map((config) => {
      const own = of(rows, config);
      return [
        config,
        (packets(own) / 1e6).toFixed(2),
        (bytes(own) / 1e6).toFixed(0),
        percent(packets(own), packets(base)),
        percent(bytes(own), bytes(base)),
        (packets(own) / time(own) / 128).toFixed(1),
      ];
    }),
  );
}

/** Lengths of suspicion. Source: Lifeguard §V, tuning of α and β. */
export function tuning(done: readonly Done[]): string {
  const rows = rowsOf(done, 'tuning');
  const seeds = new Set(rows.map(({ seed }) => seed));
  const baseDetection = of(rowsOf(done, 'threshold'), 'SWIM').filter(
    ({ cell, seed }) => cell[0] === 16 && seeds.has(seed),
  );
  const cells = [...new Set(rows.filter(({ cell }) => cell.length === 3).map(({ cell }) => cell.join(' ')))];
  const base = rowsOf(done, 'interval').filter(
    ({ config, cell }) => config === 'SWIM' && cells.includes(cell.join(' ')),
  );
  const [median = 0] = percentiles(baseDetection.flatMap(({ counts }) => counts.first));
  return table(
    ['α', 'β', 'First: median, s', '% of SWIM', 'Paper', 'All: median, s', 'FP', 'FP, % of SWIM', 'Paper'],
    ALPHAS.flatMap((alpha) =>
      BETAS.map((beta) => {
        const own = of(rows, `${alpha}/${beta}`);
        const once = own.filter(({ cell }) => cell.length === 1);
        const again = own.filter(({ cell }) => cell.length === 3);
        const [first] = percentiles(once.flatMap(({ counts }) => counts.first));
        const [all] = percentiles(once.flatMap(({ counts }) => counts.all));
        const [detection, falsePositives] = ADVICE[alpha] ?? ['', ''];
        return [
          String(alpha),
          String(beta),
          seconds(first),
          percent(first, median),
          beta === 6 ? detection : '',
          seconds(all),
          count(fp(again)),
          percent(fp(again), fp(base)),
          beta === 6 ? falsePositives : '',
        ];
      }),
    ),
  );
}
