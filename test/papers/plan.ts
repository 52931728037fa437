/**
 * The worlds that are run: Lifeguard's grids, complete or the part that fits into half an hour, and SWIM's sizes and
 * losses.
 */
import { type AnomalyCounts, runAnomalies } from './anomaly.ts';
import { ALPHAS, BETAS, CONFIG_NAMES, CONFIGS, tuned } from './configs.ts';
import {
  type DetectionTimes,
  type DisseminationTimes,
  type LossResult,
  type MessageLoad,
  measureDetection,
  measureDissemination,
  measureLoad,
  measureLoss,
} from './swim.ts';

export type PartName = 'interval' | 'threshold' | 'tuning' | 'notices' | 'spreads' | 'load' | 'lossy';

/** One world. Its key names everything it depends on, so that saved results can be told apart. */
export interface Job {
  readonly part: PartName;
  /** The name of a configuration, `α/β`, or empty. */
  readonly config: string;
  readonly cell: readonly number[];
  readonly seed: number;
}

export interface PaperResults {
  readonly interval: AnomalyCounts;
  readonly threshold: AnomalyCounts;
  readonly tuning: AnomalyCounts;
  readonly notices: DetectionTimes;
  readonly spreads: DisseminationTimes;
  readonly load: MessageLoad;
  readonly lossy: LossResult;
}
export type PaperResult = PaperResults[PartName];

export interface PaperRun {
  readonly job: Job;
  readonly result: PaperResult;
  /** Processor time. */
  readonly seconds: number;
  readonly commit: string;
}

export const jobKey = ({ part, config, cell, seed }: Job): string =>
  [part, config, cell.join(' '), seed].join(' | ');

export interface Grid {
  readonly concurrent: readonly number[];
  readonly durations: readonly number[];
  readonly intervals: readonly number[];
  readonly seeds: number;
}

export const MEMBERS = 128;
export const SIZES = [16, 32, 64, 128, 256] as const;
export const LOSS_RATES = [0.05, 0.1, 0.2, 0.3] as const;
export const LOSSY_MEMBERS = 64;
/** The paper's grid: anomalies of 128 ms to 32.8 s, 1 ms to 65.5 s apart, each value four times the one before. */
export const FULL_GRID: Grid = {
  concurrent: [1, 4, 8, 12, 16, 20, 24, 28, 32],
  durations: [128, 512, 2048, 8192, 16_384, 32_768],
  intervals: [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536],
  seeds: 10,
};
export const SHORT_GRID: Grid = {
  concurrent: [16, 4, 32],
  durations: [2048, 16_384],
  intervals: [1, 64],
  seeds: 2,
};

/** No anomaly begins later than this. */
const SPAN = 60_000;
/** Lifeguard's longest suspicion ends within this. */
const COOLDOWN = 65_000;
/** Long enough for every configuration to declare the member failed. */
export const LONG_ANOMALY = 32_768;
/** The two cells in which α and β are tuned: long anomalies close together, and short ones without a pause. */
const TUNING_CELLS = [
  [16, 16_384, 64],
  [16, 2048, 1],
] as const;

export function planJobs(grid: Grid, seeds: number): Job[] {
  const jobs: Job[] = [];
  const each = (
    part: PartName,
    configs: readonly string[],
    cells: readonly (readonly number[])[],
    n: number,
  ): void => {
    for (let seed = 1; seed <= n; seed++)
      for (const cell of cells) for (const config of configs) jobs.push({ part, config, cell, seed });
  };
  const combinations = ALPHAS.flatMap((alpha) => BETAS.map((beta) => `${alpha}/${beta}`));
  const cells = grid.concurrent.flatMap((c) =>
    grid.durations.flatMap((d) => grid.intervals.map((i) => [c, d, i])),
  );
  each(
    'load',
    [''],
    SIZES.map((n) => [n]),
    1,
  );
  // A quarter of the members die in each world: at least as many crashes of each size.
  for (const n of SIZES) each('notices', [''], [[n]], 2 * seeds * Math.max(1, MEMBERS / n));
  each(
    'spreads',
    [''],
    SIZES.map((n) => [n]),
    seeds,
  );
  each(
    'lossy',
    [''],
    LOSS_RATES.map((loss) => [loss]),
    seeds,
  );
  each('interval', CONFIG_NAMES, cells, seeds);
  each(
    'threshold',
    CONFIG_NAMES,
    grid.concurrent.map((c) => [c]),
    2 * seeds,
  );
  each('tuning', combinations, TUNING_CELLS, seeds);
  // Single anomalies too, so that α and β are compared in detection as well.
  each('tuning', combinations, [[16]], seeds);
  return jobs;
}

export function runJob({ part, config, cell, seed }: Job): PaperResult {
  const [a = 0, b = 0, c = 0] = cell;
  switch (part) {
    case 'notices':
      return measureDetection(seed, a);
    case 'spreads':
      return measureDissemination(seed, a, 12);
    case 'load':
      return measureLoad(seed, a);
    case 'lossy':
      return measureLoss(seed, LOSSY_MEMBERS, a);
    default: {
      const [alpha = 0, beta = 0] = config.split('/').map(Number);
      const swim = part === 'tuning' ? tuned(alpha, beta) : CONFIGS[config as keyof typeof CONFIGS];
      const repeated = cell.length === 3;
      return runAnomalies({
        seed,
        members: MEMBERS,
        concurrent: a,
        duration: repeated ? b : LONG_ANOMALY,
        ...(repeated ? { interval: c } : {}),
        span: repeated ? SPAN : 0,
        cooldown: repeated ? COOLDOWN : 2000,
        swim,
      });
    }
  }
}
